// Every RPC and the handler that keeps it, in one list: a declared RPC that is missing here stops
// the start, by name. Called once at start-up.
#pragma once

#include "server/rpc/method_table.h"
#include "server/rpc/session.h"
#include "server/service/actor_service.h"
#include "server/service/admin_service.h"
#include "server/service/agent_service.h"
#include "server/service/audit_service.h"
#include "server/service/auth_service.h"
#include "server/service/avatar_service.h"
#include "server/service/bookmark_service.h"
#include "server/service/channel_service.h"
#include "server/service/draft_service.h"
#include "server/service/emoji_service.h"
#include "server/service/erasure_service.h"
#include "server/service/event_service.h"
#include "server/service/export_service.h"
#include "server/service/file_service.h"
#include "server/service/group_service.h"
#include "server/service/import_service.h"
#include "server/service/invite_service.h"
#include "server/service/link_preview_service.h"
#include "server/service/message_service.h"
#include "server/service/notification_service.h"
#include "server/service/password_reset_service.h"
#include "server/service/pin_service.h"
#include "server/service/presence_service.h"
#include "server/service/read_state_service.h"
#include "server/service/saved_service.h"
#include "server/service/scheduled_message_service.h"
#include "server/service/search_service.h"
#include "server/service/stream_service.h"
#include "server/service/thread_service.h"
#include "server/service/workspace_deletion_service.h"
#include "server/service/workspace_service.h"

namespace heim {

struct Handlers {
  ActorService& actors;
  AdminService& admin;
  AgentService& agents;
  AuditService& audit;
  AuthService& auth;
  AvatarService& avatars;
  BookmarkService& bookmarks;
  ChannelService& channels;
  DraftService& drafts;
  EmojiService& emoji;
  ErasureService& erasures;
  EventService& events;
  ExportService& exports;
  FileService& files;
  GroupService& groups;
  ImportService& imports;
  InviteService& invites;
  LinkPreviewService& link_previews;
  MessageService& messages;
  NotificationService& notifications;
  PasswordResetService& password_resets;
  PinService& pins;
  PresenceService& presence;
  ReadStateService& read_states;
  SavedService& saved;
  ScheduledMessageService& scheduled;
  SearchService& search;
  SessionService& sessions;
  StreamService& streams;
  ThreadService& threads;
  WorkspaceDeletionService& workspace_deletions;
  WorkspaceService& workspaces;
};

void BindHandlers(const Handlers& to, MethodTable* table);

}  // namespace heim
