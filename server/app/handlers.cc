#include "server/app/handlers.h"

namespace heim {
namespace {

void BindPeople(const Handlers& to, MethodTable* table) {
  table->Bind<&ActorService::CreateActor>("heim.v1.ActorService.CreateActor", to.actors);
  table->Bind<&ActorService::GetActor>("heim.v1.ActorService.GetActor", to.actors);
  table->Bind<&ActorService::UpdateActor>("heim.v1.ActorService.UpdateActor", to.actors);
  table->Bind<&ActorService::DeactivateActor>("heim.v1.ActorService.DeactivateActor", to.actors);
  table->Bind<&ActorService::ReactivateActor>("heim.v1.ActorService.ReactivateActor", to.actors);
  table->Bind<&ActorService::ListActors>("heim.v1.ActorService.ListActors", to.actors);

  table->Bind<&AgentService::RegisterAgent>("heim.v1.AgentService.RegisterAgent", to.agents);
  table->Bind<&AgentService::ListAgents>("heim.v1.AgentService.ListAgents", to.agents);
  table->Bind<&AgentService::GetAgent>("heim.v1.AgentService.GetAgent", to.agents);
  table->Bind<&AgentService::UpdateAgent>("heim.v1.AgentService.UpdateAgent", to.agents);
  table->Bind<&AgentService::CreateAgentKey>("heim.v1.AgentService.CreateAgentKey", to.agents);
  table->Bind<&AgentService::ListAgentKeys>("heim.v1.AgentService.ListAgentKeys", to.agents);
  table->Bind<&AgentService::RotateAgentKey>("heim.v1.AgentService.RotateAgentKey", to.agents);
  table->Bind<&AgentService::RevokeAgentKey>("heim.v1.AgentService.RevokeAgentKey", to.agents);
}

void BindAccounts(const Handlers& to, MethodTable* table) {
  table->Bind<&AuthService::Login>("heim.v1.AuthService.Login", to.auth);
  table->Bind<&AuthService::Register>("heim.v1.AuthService.Register", to.auth);
  table->Bind<&AuthService::Refresh>("heim.v1.AuthService.Refresh", to.auth);
  table->Bind<&AuthService::Logout>("heim.v1.AuthService.Logout", to.auth);
  table->Bind<&AuthService::GetSession>("heim.v1.AuthService.GetSession", to.auth);
  table->Bind<&AuthService::CreatePersonalToken>("heim.v1.AuthService.CreatePersonalToken",
                                                 to.auth);
  table->Bind<&AuthService::ListPersonalTokens>("heim.v1.AuthService.ListPersonalTokens", to.auth);
  table->Bind<&AuthService::RotatePersonalToken>("heim.v1.AuthService.RotatePersonalToken",
                                                 to.auth);
  table->Bind<&AuthService::RevokePersonalToken>("heim.v1.AuthService.RevokePersonalToken",
                                                 to.auth);
  table->Bind<&AuthService::CreateTicket>("heim.v1.AuthService.CreateTicket", to.auth);
  table->Bind<&AuthService::ListSessions>("heim.v1.AuthService.ListSessions", to.auth);
  table->Bind<&AuthService::RevokeSession>("heim.v1.AuthService.RevokeSession", to.auth);
  table->Bind<&AuthService::RevokeOtherSessions>("heim.v1.AuthService.RevokeOtherSessions",
                                                 to.auth);
  table->Bind<&AuthService::ChangePassword>("heim.v1.AuthService.ChangePassword", to.auth);

  table->Bind<&PresenceService::GetPresence>("heim.v1.PresenceService.GetPresence", to.presence);
  table->Bind<&PresenceService::UpdatePresence>("heim.v1.PresenceService.UpdatePresence",
                                                to.presence);
  table->Bind<&PresenceService::BatchGetPresence>("heim.v1.PresenceService.BatchGetPresence",
                                                  to.presence);
  table->Bind<&PresenceService::SendTyping>("heim.v1.PresenceService.SendTyping", to.presence);
  table->Bind<&PresenceService::WatchPresence>("heim.v1.PresenceService.WatchPresence",
                                               to.presence);

  table->Bind<&WorkspaceService::CreateWorkspace>("heim.v1.WorkspaceService.CreateWorkspace",
                                                  to.workspaces);
  table->Bind<&WorkspaceService::ListWorkspaces>("heim.v1.WorkspaceService.ListWorkspaces",
                                                 to.workspaces);
  table->Bind<&WorkspaceService::GetWorkspace>("heim.v1.WorkspaceService.GetWorkspace",
                                               to.workspaces);
  table->Bind<&WorkspaceService::UpdateWorkspace>("heim.v1.WorkspaceService.UpdateWorkspace",
                                                  to.workspaces);
  table->Bind<&WorkspaceService::ListWorkspaceMembers>(
      "heim.v1.WorkspaceService.ListWorkspaceMembers", to.workspaces);
  table->Bind<&WorkspaceService::UpdateWorkspaceMember>(
      "heim.v1.WorkspaceService.UpdateWorkspaceMember", to.workspaces);
  table->Bind<&WorkspaceService::RemoveWorkspaceMember>(
      "heim.v1.WorkspaceService.RemoveWorkspaceMember", to.workspaces);

  table->Bind<&AdminService::GetServerInfo>("heim.v1.AdminService.GetServerInfo", to.admin);
}

void BindAdmission(const Handlers& to, MethodTable* table) {
  table->Bind<&InviteService::CreateInvite>("heim.v1.InviteService.CreateInvite", to.invites);
  table->Bind<&InviteService::ListInvites>("heim.v1.InviteService.ListInvites", to.invites);
  table->Bind<&InviteService::RevokeInvite>("heim.v1.InviteService.RevokeInvite", to.invites);
  table->Bind<&InviteService::GetInvite>("heim.v1.InviteService.GetInvite", to.invites);
  table->Bind<&InviteService::AcceptInvite>("heim.v1.InviteService.AcceptInvite", to.invites);

  table->Bind<&PasswordResetService::CreatePasswordReset>(
      "heim.v1.PasswordResetService.CreatePasswordReset", to.password_resets);
  table->Bind<&PasswordResetService::ResetPassword>("heim.v1.PasswordResetService.ResetPassword",
                                                    to.password_resets);
}

void BindAudit(const Handlers& to, MethodTable* table) {
  table->Bind<&AuditService::ListAuditEntries>("heim.v1.AuditService.ListAuditEntries", to.audit);
  table->Bind<&AuditService::ExportAudit>("heim.v1.AuditService.ExportAudit", to.audit);
  table->Bind<&AuditService::VerifyAudit>("heim.v1.AuditService.VerifyAudit", to.audit);
}

void BindTransfers(const Handlers& to, MethodTable* table) {
  table->Bind<&ExportService::ExportWorkspace>("heim.v1.ExportService.ExportWorkspace", to.exports);
  table->Bind<&ExportService::ExportActor>("heim.v1.ExportService.ExportActor", to.exports);

  table->Bind<&ImportService::CreateImport>("heim.v1.ImportService.CreateImport", to.imports);
  table->Bind<&ImportService::GetImport>("heim.v1.ImportService.GetImport", to.imports);
  table->Bind<&ImportService::ListImports>("heim.v1.ImportService.ListImports", to.imports);
  table->Bind<&ImportService::StartImport>("heim.v1.ImportService.StartImport", to.imports);
  table->Bind<&ImportService::CancelImport>("heim.v1.ImportService.CancelImport", to.imports);
}

void BindPictures(const Handlers& to, MethodTable* table) {
  table->Bind<&AvatarService::UploadAvatar>("heim.v1.ActorService.UploadAvatar", to.avatars);
  table->Bind<&AvatarService::GetAvatar>("heim.v1.ActorService.GetAvatar", to.avatars);
  table->Bind<&AvatarService::DeleteAvatar>("heim.v1.ActorService.DeleteAvatar", to.avatars);

  table->Bind<&EmojiService::UploadEmoji>("heim.v1.EmojiService.UploadEmoji", to.emoji);
  table->Bind<&EmojiService::ListEmoji>("heim.v1.EmojiService.ListEmoji", to.emoji);
  table->Bind<&EmojiService::GetEmojiImage>("heim.v1.EmojiService.GetEmojiImage", to.emoji);
  table->Bind<&EmojiService::DeleteEmoji>("heim.v1.EmojiService.DeleteEmoji", to.emoji);
}

void BindChat(const Handlers& to, MethodTable* table) {
  table->Bind<&ChannelService::CreateChannel>("heim.v1.ChannelService.CreateChannel", to.channels);
  table->Bind<&ChannelService::ListChannels>("heim.v1.ChannelService.ListChannels", to.channels);
  table->Bind<&ChannelService::GetChannel>("heim.v1.ChannelService.GetChannel", to.channels);
  table->Bind<&ChannelService::UpdateChannel>("heim.v1.ChannelService.UpdateChannel", to.channels);
  table->Bind<&ChannelService::ArchiveChannel>("heim.v1.ChannelService.ArchiveChannel",
                                               to.channels);
  table->Bind<&ChannelService::UnarchiveChannel>("heim.v1.ChannelService.UnarchiveChannel",
                                                 to.channels);
  table->Bind<&ChannelService::PurgeChannel>("heim.v1.ChannelService.PurgeChannel", to.channels);
  table->Bind<&ChannelService::JoinChannel>("heim.v1.ChannelService.JoinChannel", to.channels);
  table->Bind<&ChannelService::LeaveChannel>("heim.v1.ChannelService.LeaveChannel", to.channels);
  table->Bind<&ChannelService::OpenDirect>("heim.v1.ChannelService.OpenDirect", to.channels);
  table->Bind<&ChannelService::AddMember>("heim.v1.ChannelService.AddMember", to.channels);
  table->Bind<&ChannelService::BatchAddMembers>("heim.v1.ChannelService.BatchAddMembers",
                                                to.channels);
  table->Bind<&ChannelService::ListMembers>("heim.v1.ChannelService.ListMembers", to.channels);
  table->Bind<&ChannelService::UpdateMember>("heim.v1.ChannelService.UpdateMember", to.channels);
  table->Bind<&ChannelService::RemoveMember>("heim.v1.ChannelService.RemoveMember", to.channels);

  table->Bind<&MessageService::SendMessage>("heim.v1.MessageService.SendMessage", to.messages);
  table->Bind<&MessageService::ListMessages>("heim.v1.MessageService.ListMessages", to.messages);
  table->Bind<&MessageService::GetMessage>("heim.v1.MessageService.GetMessage", to.messages);
  table->Bind<&MessageService::BatchGetMessages>("heim.v1.MessageService.BatchGetMessages",
                                                 to.messages);
  table->Bind<&MessageService::ForwardMessage>("heim.v1.MessageService.ForwardMessage",
                                               to.messages);
  table->Bind<&MessageService::ListMessageVersions>("heim.v1.MessageService.ListMessageVersions",
                                                    to.messages);
  table->Bind<&MessageService::ListReactions>("heim.v1.MessageService.ListReactions", to.messages);
  table->Bind<&MessageService::UpdateMessage>("heim.v1.MessageService.UpdateMessage", to.messages);
  table->Bind<&MessageService::DeleteMessage>("heim.v1.MessageService.DeleteMessage", to.messages);
  table->Bind<&MessageService::ListThread>("heim.v1.MessageService.ListThread", to.messages);
  table->Bind<&MessageService::AddReaction>("heim.v1.MessageService.AddReaction", to.messages);
  table->Bind<&MessageService::RemoveReaction>("heim.v1.MessageService.RemoveReaction",
                                               to.messages);
}

void BindReading(const Handlers& to, MethodTable* table) {
  table->Bind<&ReadStateService::MarkRead>("heim.v1.ReadStateService.MarkRead", to.read_states);
  table->Bind<&ReadStateService::ListReadStates>("heim.v1.ReadStateService.ListReadStates",
                                                 to.read_states);

  table->Bind<&FileService::UploadFile>("heim.v1.FileService.UploadFile", to.files);
  table->Bind<&FileService::DownloadFile>("heim.v1.FileService.DownloadFile", to.files);
  table->Bind<&FileService::GetFileMeta>("heim.v1.FileService.GetFileMeta", to.files);
  table->Bind<&FileService::GetPreview>("heim.v1.FileService.GetPreview", to.files);
  table->Bind<&FileService::ListFiles>("heim.v1.FileService.ListFiles", to.files);
  table->Bind<&FileService::DeleteFile>("heim.v1.FileService.DeleteFile", to.files);
  table->Bind<&FileService::GetFileUsage>("heim.v1.FileService.GetFileUsage", to.files);
}

void BindNotifications(const Handlers& to, MethodTable* table) {
  table->Bind<&NotificationService::ListInbox>("heim.v1.NotificationService.ListInbox",
                                               to.notifications);
  table->Bind<&NotificationService::MarkInboxSeen>("heim.v1.NotificationService.MarkInboxSeen",
                                                   to.notifications);
  table->Bind<&NotificationService::GetPreferences>("heim.v1.NotificationService.GetPreferences",
                                                    to.notifications);
  table->Bind<&NotificationService::UpdatePreferences>(
      "heim.v1.NotificationService.UpdatePreferences", to.notifications);
  table->Bind<&NotificationService::SetChannelNotification>(
      "heim.v1.NotificationService.SetChannelNotification", to.notifications);
  table->Bind<&NotificationService::ListChannelNotifications>(
      "heim.v1.NotificationService.ListChannelNotifications", to.notifications);
}

void BindUnsent(const Handlers& to, MethodTable* table) {
  table->Bind<&DraftService::SaveDraft>("heim.v1.DraftService.SaveDraft", to.drafts);
  table->Bind<&DraftService::GetDraft>("heim.v1.DraftService.GetDraft", to.drafts);
  table->Bind<&DraftService::DeleteDraft>("heim.v1.DraftService.DeleteDraft", to.drafts);
  table->Bind<&DraftService::ListDrafts>("heim.v1.DraftService.ListDrafts", to.drafts);

  table->Bind<&ScheduledMessageService::ScheduleMessage>(
      "heim.v1.ScheduledMessageService.ScheduleMessage", to.scheduled);
  table->Bind<&ScheduledMessageService::ListScheduledMessages>(
      "heim.v1.ScheduledMessageService.ListScheduledMessages", to.scheduled);
  table->Bind<&ScheduledMessageService::GetScheduledMessage>(
      "heim.v1.ScheduledMessageService.GetScheduledMessage", to.scheduled);
  table->Bind<&ScheduledMessageService::UpdateScheduledMessage>(
      "heim.v1.ScheduledMessageService.UpdateScheduledMessage", to.scheduled);
  table->Bind<&ScheduledMessageService::CancelScheduledMessage>(
      "heim.v1.ScheduledMessageService.CancelScheduledMessage", to.scheduled);
  table->Bind<&ScheduledMessageService::SendScheduledNow>(
      "heim.v1.ScheduledMessageService.SendScheduledNow", to.scheduled);
}

void BindKeepsakes(const Handlers& to, MethodTable* table) {
  table->Bind<&PinService::PinMessage>("heim.v1.PinService.PinMessage", to.pins);
  table->Bind<&PinService::UnpinMessage>("heim.v1.PinService.UnpinMessage", to.pins);
  table->Bind<&PinService::ListPins>("heim.v1.PinService.ListPins", to.pins);

  table->Bind<&LinkPreviewService::DeleteLinkPreview>(
      "heim.v1.LinkPreviewService.DeleteLinkPreview", to.link_previews);
  table->Bind<&BookmarkService::CreateBookmark>("heim.v1.BookmarkService.CreateBookmark",
                                                to.bookmarks);
  table->Bind<&BookmarkService::ListBookmarks>("heim.v1.BookmarkService.ListBookmarks",
                                               to.bookmarks);
  table->Bind<&BookmarkService::UpdateBookmark>("heim.v1.BookmarkService.UpdateBookmark",
                                                to.bookmarks);
  table->Bind<&BookmarkService::DeleteBookmark>("heim.v1.BookmarkService.DeleteBookmark",
                                                to.bookmarks);

  table->Bind<&SavedService::SaveMessage>("heim.v1.SavedService.SaveMessage", to.saved);
  table->Bind<&SavedService::UnsaveMessage>("heim.v1.SavedService.UnsaveMessage", to.saved);
  table->Bind<&SavedService::ListSaved>("heim.v1.SavedService.ListSaved", to.saved);
}

void BindThreads(const Handlers& to, MethodTable* table) {
  table->Bind<&ThreadService::FollowThread>("heim.v1.ThreadService.FollowThread", to.threads);
  table->Bind<&ThreadService::UnfollowThread>("heim.v1.ThreadService.UnfollowThread", to.threads);
  table->Bind<&ThreadService::GetThreadState>("heim.v1.ThreadService.GetThreadState", to.threads);
  table->Bind<&ThreadService::ListFollowedThreads>("heim.v1.ThreadService.ListFollowedThreads",
                                                   to.threads);
  table->Bind<&ThreadService::ListThreads>("heim.v1.ThreadService.ListThreads", to.threads);
  table->Bind<&ThreadService::MarkThreadsRead>("heim.v1.ThreadService.MarkThreadsRead", to.threads);

  table->Bind<&ReadStateService::MarkUnread>("heim.v1.ReadStateService.MarkUnread", to.read_states);
  table->Bind<&ReadStateService::MarkAllRead>("heim.v1.ReadStateService.MarkAllRead",
                                              to.read_states);
  table->Bind<&ReadStateService::GetUnreadSummary>("heim.v1.ReadStateService.GetUnreadSummary",
                                                   to.read_states);
}

void BindErasures(const Handlers& to, MethodTable* table) {
  table->Bind<&ErasureService::EraseActor>("heim.v1.ErasureService.EraseActor", to.erasures);
  table->Bind<&ErasureService::GetErasure>("heim.v1.ErasureService.GetErasure", to.erasures);
  table->Bind<&WorkspaceDeletionService::DeleteWorkspace>(
      "heim.v1.WorkspaceDeletionService.DeleteWorkspace", to.workspace_deletions);
}

void BindGroups(const Handlers& to, MethodTable* table) {
  table->Bind<&GroupService::CreateGroup>("heim.v1.GroupService.CreateGroup", to.groups);
  table->Bind<&GroupService::ListGroups>("heim.v1.GroupService.ListGroups", to.groups);
  table->Bind<&GroupService::GetGroup>("heim.v1.GroupService.GetGroup", to.groups);
  table->Bind<&GroupService::UpdateGroup>("heim.v1.GroupService.UpdateGroup", to.groups);
  table->Bind<&GroupService::DeleteGroup>("heim.v1.GroupService.DeleteGroup", to.groups);
  table->Bind<&GroupService::ListGroupMembers>("heim.v1.GroupService.ListGroupMembers", to.groups);
  table->Bind<&GroupService::AddGroupMember>("heim.v1.GroupService.AddGroupMember", to.groups);
  table->Bind<&GroupService::RemoveGroupMember>("heim.v1.GroupService.RemoveGroupMember",
                                                to.groups);
}

void BindSearch(const Handlers& to, MethodTable* table) {
  table->Bind<&SearchService::SearchMessages>("heim.v1.SearchService.SearchMessages", to.search);
  table->Bind<&SearchService::Search>("heim.v1.SearchService.Search", to.search);
  table->Bind<&SearchService::SuggestSearch>("heim.v1.SearchService.SuggestSearch", to.search);
}

void BindRealtime(const Handlers& to, MethodTable* table) {
  table->Bind<&EventService::Subscribe>("heim.v1.EventService.Subscribe", to.events);
  table->Bind<&EventService::ListEvents>("heim.v1.EventService.ListEvents", to.events);
  table->Bind<&SessionService::Session>("heim.v1.EventService.Session", to.sessions);

  table->Bind<&StreamService::StartStream>("heim.v1.StreamService.StartStream", to.streams);
  table->Bind<&StreamService::AppendStream>("heim.v1.StreamService.AppendStream", to.streams);
  table->Bind<&StreamService::FinishStream>("heim.v1.StreamService.FinishStream", to.streams);
  table->Bind<&StreamService::AbortStream>("heim.v1.StreamService.AbortStream", to.streams);
  table->Bind<&StreamService::GetStream>("heim.v1.StreamService.GetStream", to.streams);
  table->Bind<&StreamService::WatchStream>("heim.v1.StreamService.WatchStream", to.streams);
  table->Bind<&StreamService::WriteStream>("heim.v1.StreamService.WriteStream", to.streams);
}

}  // namespace

void BindHandlers(const Handlers& to, MethodTable* table) {
  BindPeople(to, table);
  BindAccounts(to, table);
  BindAdmission(to, table);
  BindAudit(to, table);
  BindTransfers(to, table);
  BindPictures(to, table);
  BindChat(to, table);
  BindReading(to, table);
  BindNotifications(to, table);
  BindUnsent(to, table);
  BindKeepsakes(to, table);
  BindThreads(to, table);
  BindGroups(to, table);
  BindErasures(to, table);
  BindSearch(to, table);
  BindRealtime(to, table);
}

}  // namespace heim
