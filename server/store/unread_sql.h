// What counts as unread, as a piece of SQL that every count is made of. Constants only.
//
// `x` is the message, $2 the reader: complete or interrupted (2 is streaming), of somebody else,
// not deleted, not the system's.
#pragma once

#define HEIM_COUNTS_AS_UNREAD \
  "x.state <> 2 AND x.is_system = 0 AND x.deleted = 0 AND x.actor_id <> $2 "

// Counts end at kUnreadCountMax (model/limits.h), so that a reader who never reads costs no more.
#define HEIM_UNREAD_LIMIT "LIMIT 1000"

// Unread replies of the thread `root` after `cursor`, and those of them that call the reader.
#define HEIM_THREAD_UNREAD(root, cursor)                                      \
  "(SELECT COUNT(*) FROM (SELECT 1 FROM messages x WHERE x.thread_id = " root \
  " AND x.seq > " cursor " AND " HEIM_COUNTS_AS_UNREAD HEIM_UNREAD_LIMIT ") u)"
#define HEIM_THREAD_MENTIONS(root, cursor)                                          \
  "(SELECT COUNT(*) FROM (SELECT 1 FROM messages x WHERE x.thread_id = " root       \
  " AND x.seq > " cursor " AND " HEIM_COUNTS_AS_UNREAD                              \
  "AND EXISTS (SELECT 1 FROM message_mentions n WHERE n.channel_id = x.channel_id " \
  "AND n.seq = x.seq AND n.actor_id IN ($2, '*')) " HEIM_UNREAD_LIMIT ") u)"
