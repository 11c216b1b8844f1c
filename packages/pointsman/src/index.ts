export type { Auth, AuthEndpoint, AuthOption, Refusal } from "./auth/auth.ts";
export type { AwsCredentials, CredentialsProvider } from "./auth/credentials.ts";
export { iam } from "./auth/iam.ts";
export type { IamOptions, IamRole } from "./auth/iam-options.ts";
export { passwordFile } from "./auth/password-file.ts";
export { type SecretsManagerOptions, secretsManager } from "./auth/secrets-manager.ts";
export type { CatalogStats } from "./catalog/catalog-watch.ts";
export type { Cause } from "./catalog/causes.ts";
export type { FunctionEffect, FunctionRule } from "./catalog/function-rules.ts";
export type { ObjectKind } from "./catalog/node.ts";
export type { UnknownFunction } from "./catalog/unknown-functions.ts";
export type { CatalogSettings } from "./config/catalog-options.ts";
export type { Config } from "./config/config.ts";
export type { Endpoint, Place } from "./config/endpoint.ts";
export type { InstanceAddress, InstanceOf } from "./config/instance-host.ts";
export type {
  CatalogOptions,
  EndpointOption,
  FreshnessDetails,
  LaneOptions,
  PoolOptions,
  PrepareOptions,
  ReaderDetails,
  ReaderOption,
  SidePoolOptions,
} from "./config/options.ts";
export type { TopologySettings } from "./config/topology.ts";
export type { TopologyDetails, TopologyKind, TopologyOption } from "./config/topology-option.ts";
export type { FreshnessWish } from "./consistency/demand.ts";
export { type Consistency, consistencyLevels } from "./consistency/levels.ts";
export type { FreshnessOptions } from "./consistency/read-freshness.ts";
export type { Session } from "./consistency/session.ts";
export type { SessionOptions } from "./consistency/session-options.ts";
export type { FreshnessSettings, PositionSource } from "./consistency/settings.ts";
export { mergeTokens } from "./consistency/token.ts";
export {
  ConfigError,
  type ErrorCode,
  errorCodes,
  PointsmanError,
  WriteOutcomeUnknown,
} from "./errors.ts";
export type { Explanation } from "./explanation.ts";
export type { Sent } from "./lazy-result.ts";
export type { WriteOutcome } from "./outcome.ts";
export { createPool, Pool } from "./pool.ts";
export type { RefusedText, RememberedRefusal } from "./refused-texts.ts";
export type { RoutedClient, RoutedQueries, RoutingHints } from "./routed-client.ts";
export { decide, type RouteContext } from "./routing/decide.ts";
export type { RoutingMode } from "./routing/mode.ts";
export { type Reason, reasons } from "./routing/reasons.ts";
export type { Route, Target } from "./routing/route.ts";
export type { RoutedStatement, RouteHook, RouteScope } from "./routing/route-hook.ts";
export type { TablePolicy } from "./routing/table-policies.ts";
export { onWriter, outsideTransaction, withFreshness, withWriter } from "./scope.ts";
export type { LaneSettings, PrepareSettings } from "./servers/lanes/settings.ts";
export type { AbandonedTransaction } from "./servers/settling-pool.ts";
export type { ShadowText } from "./shadow/busiest-texts.ts";
export type { ReadsAfterWrite, ShadowLag, ShadowStats } from "./shadow/shadow-report.ts";
export type { ShadowRoute } from "./shadow/shadow-route.ts";
export { type Classifier, classify, createClassifier } from "./statements/classify.ts";
export type { SqlCommentFunction, SqlTags } from "./statements/sql-comment.ts";
export type * from "./statements/types.ts";
export { type Verdict, verdicts } from "./statements/verdicts.ts";
export type {
  FailoverStats,
  FreshnessStats,
  LaneStats,
  MemberStats,
  PoolStats,
  ReaderServerStats,
  ReaderStats,
  SideStats,
  TopologyStats,
} from "./stats.ts";
export type {
  ConnectEvent,
  EventName,
  EvictionEvent,
  FailoverEvent,
  GuardEvent,
  LearningEvent,
  PointsmanEvents,
  ReaderEvent,
  RetryEvent,
  RouteEvent,
  StatementEvent,
  StatementStartEvent,
} from "./telemetry/events.ts";
export type { EvictionReason } from "./telemetry/eviction-reasons.ts";
export type { FreshnessOutcome } from "./telemetry/freshness-outcomes.ts";
export { type EventListeners, listenTo } from "./telemetry/listen.ts";
export type { LogDetails, LogFunction, Logger, LogLevel, LogSettings } from "./telemetry/logger.ts";
export type { TransactionClient, TransactionOptions } from "./transaction.ts";
