/**
 * Why the gateway has refused a login:
 *
 * - `plain-text`: the user needs a token, and the connection is not encrypted.
 * - `throttled`: there were more logins in a second than allowed.
 * - `rejected-user`: the gateway was told to reject this user.
 * - `empty`, `malformed`: there is no token, or it is none.
 * - `wrong-host`, `wrong-port`, `wrong-user`, `wrong-region`: it is for something else.
 * - `lifetime-too-long`: it says that it is good for more than 900 seconds.
 * - `from-the-future`: it was made more than 5 minutes after now, by the gateway's clock.
 * - `expired`: it is older than it may be.
 * - `unknown-key`: it is signed with an access key that was never given out, or was revoked.
 * - `credentials-expired`: the credentials that it is signed with have ended.
 * - `wrong-session-token`: it lacks the session token of its access key, or has another one's.
 * - `wrong-signature`: it was not signed with the secret key, or changed afterwards.
 */
export type RefusalCause =
  | "plain-text"
  | "throttled"
  | "rejected-user"
  | "empty"
  | "malformed"
  | "wrong-host"
  | "wrong-port"
  | "wrong-user"
  | "wrong-region"
  | "lifetime-too-long"
  | "from-the-future"
  | "expired"
  | "unknown-key"
  | "credentials-expired"
  | "wrong-session-token"
  | "wrong-signature";
