import type { Judge } from "./judgement.ts";
import { optionsOf } from "./parse-tree.ts";
import {
  changesData,
  judgeCopy,
  judgeCreateTableAs,
  judgeExplain,
  judgeSelect,
} from "./query-statements.ts";
import {
  changesSchema,
  creates,
  detachesConcurrently,
  maintains,
  onObject,
  reindexCommits,
} from "./schema-statements.ts";
import {
  judgeDeclareCursor,
  judgeExecute,
  judgePrepare,
  judgeSet,
  judgeSetConstraints,
  judgeShow,
  judgeTransaction,
  listens,
  onSession,
} from "./session-statements.ts";

/** A node that is called a statement but only ever stands inside one. */
export const neverOnItsOwn = "never on its own";

/**
 * Every statement of PostgreSQL 18's grammar, by its name in the parse tree, and how it is judged.
 * A test holds the names against the parser's own list.
 */
export const statementTable: Readonly<Record<string, Judge | typeof neverOnItsOwn>> = {
  // Queries and data
  SelectStmt: judgeSelect,
  InsertStmt: changesData("InsertStmt", "INSERT"),
  UpdateStmt: changesData("UpdateStmt", "UPDATE"),
  DeleteStmt: changesData("DeleteStmt", "DELETE"),
  MergeStmt: changesData("MergeStmt", "MERGE"),
  TruncateStmt: (fields, walk) => ({
    ...changesSchema("TRUNCATE")(fields, walk),
    verdict: "data-change",
  }),
  CopyStmt: judgeCopy,
  ExplainStmt: judgeExplain,
  CreateTableAsStmt: judgeCreateTableAs,
  LockStmt: (fields, walk) => {
    // A standby refuses the strong modes only, and a lock taken there holds nobody back elsewhere.
    walk.findings.meaninglessOnReader ??= "LOCK TABLE";
    return { ...changesSchema("LOCK TABLE")(fields, walk), verdict: "lock" };
  },

  // Procedures and blocks: they may do anything, and commit
  CallStmt: (fields, walk) => {
    walk.visit({ FuncCall: (fields as { funccall?: unknown }).funccall });
    return { command: "CALL", effect: "write", verdict: "procedure", once: true };
  },
  DoStmt: () => ({ command: "DO", effect: "write", verdict: "procedure", once: true }),

  // Transactions
  TransactionStmt: judgeTransaction,
  ConstraintsSetStmt: judgeSetConstraints,

  // The connection
  VariableSetStmt: judgeSet,
  VariableShowStmt: judgeShow,
  DiscardStmt: onSession("DISCARD", "discard"),
  LoadStmt: onSession("LOAD", "library"),
  PrepareStmt: judgePrepare,
  ExecuteStmt: judgeExecute,
  DeallocateStmt: onSession("DEALLOCATE", "prepared"),
  DeclareCursorStmt: judgeDeclareCursor,
  FetchStmt: (fields, walk) => onSession(fields.ismove === true ? "MOVE" : "FETCH")(fields, walk),
  ClosePortalStmt: onSession("CLOSE"),
  ListenStmt: listens("LISTEN"),
  UnlistenStmt: listens("UNLISTEN"),
  NotifyStmt: () => ({ command: "NOTIFY", effect: "write", verdict: "notification" }),

  // The server and its storage
  AlterSystemStmt: maintains("ALTER SYSTEM"),
  CheckPointStmt: (fields, walk) => {
    walk.findings.meaninglessOnReader ??= "CHECKPOINT";
    return maintains("CHECKPOINT")(fields, walk);
  },
  ClusterStmt: maintains("CLUSTER", (fields) => fields.relation === undefined),
  RefreshMatViewStmt: maintains("REFRESH MATERIALIZED VIEW", false),
  ReindexStmt: maintains("REINDEX", reindexCommits),
  VacuumStmt: maintains(({ is_vacuumcmd }) => (is_vacuumcmd === true ? "VACUUM" : "ANALYZE")),

  // Databases, tablespaces, subscriptions: most refuse a transaction block
  CreatedbStmt: changesSchema("CREATE DATABASE", true),
  AlterDatabaseStmt: changesSchema("ALTER DATABASE", (fields) =>
    optionsOf(fields).some(({ defname }) => defname === "tablespace"),
  ),
  AlterDatabaseRefreshCollStmt: changesSchema("ALTER DATABASE"),
  AlterDatabaseSetStmt: changesSchema("ALTER DATABASE"),
  DropdbStmt: changesSchema("DROP DATABASE", true),
  CreateTableSpaceStmt: changesSchema("CREATE TABLESPACE", true),
  AlterTableSpaceOptionsStmt: changesSchema("ALTER TABLESPACE"),
  AlterTableMoveAllStmt: changesSchema(onObject("ALTER", "objtype")),
  DropTableSpaceStmt: changesSchema("DROP TABLESPACE", true),
  CreateSubscriptionStmt: changesSchema("CREATE SUBSCRIPTION", true),
  AlterSubscriptionStmt: changesSchema("ALTER SUBSCRIPTION", true),
  DropSubscriptionStmt: changesSchema("DROP SUBSCRIPTION", true),
  CreatePublicationStmt: changesSchema("CREATE PUBLICATION"),
  AlterPublicationStmt: changesSchema("ALTER PUBLICATION"),

  // Relations
  CreateStmt: creates("CREATE TABLE"),
  CreateForeignTableStmt: creates("CREATE FOREIGN TABLE"),
  CreateSeqStmt: creates("CREATE SEQUENCE"),
  ViewStmt: creates("CREATE VIEW"),
  IndexStmt: changesSchema("CREATE INDEX", ({ concurrent }) => concurrent === true),
  CreateStatsStmt: changesSchema("CREATE STATISTICS"),
  CreateTrigStmt: changesSchema("CREATE TRIGGER"),
  RuleStmt: changesSchema("CREATE RULE"),
  CreatePolicyStmt: changesSchema("CREATE POLICY"),
  AlterTableStmt: changesSchema(onObject("ALTER", "objtype"), detachesConcurrently),
  AlterSeqStmt: changesSchema("ALTER SEQUENCE"),
  AlterStatsStmt: changesSchema("ALTER STATISTICS"),
  AlterPolicyStmt: changesSchema("ALTER POLICY"),

  // Functions, types, operators
  CreateFunctionStmt: creates(({ is_procedure }) =>
    is_procedure === true ? "CREATE PROCEDURE" : "CREATE FUNCTION",
  ),
  AlterFunctionStmt: changesSchema("ALTER FUNCTION"),
  DefineStmt: creates(onObject("CREATE", "kind")),
  CompositeTypeStmt: creates("CREATE TYPE"),
  CreateEnumStmt: creates("CREATE TYPE"),
  CreateRangeStmt: creates("CREATE TYPE"),
  CreateDomainStmt: creates("CREATE DOMAIN"),
  AlterDomainStmt: changesSchema("ALTER DOMAIN"),
  AlterEnumStmt: changesSchema("ALTER TYPE"),
  AlterTypeStmt: changesSchema("ALTER TYPE"),
  CreateCastStmt: changesSchema("CREATE CAST"),
  CreateConversionStmt: changesSchema("CREATE CONVERSION"),
  CreateTransformStmt: changesSchema("CREATE TRANSFORM"),
  CreateOpClassStmt: changesSchema("CREATE OPERATOR CLASS"),
  CreateOpFamilyStmt: changesSchema("CREATE OPERATOR FAMILY"),
  AlterOpFamilyStmt: changesSchema("ALTER OPERATOR FAMILY"),
  AlterOperatorStmt: changesSchema("ALTER OPERATOR"),
  AlterCollationStmt: changesSchema("ALTER COLLATION"),
  AlterTSConfigurationStmt: changesSchema("ALTER TEXT SEARCH CONFIGURATION"),
  AlterTSDictionaryStmt: changesSchema("ALTER TEXT SEARCH DICTIONARY"),

  // Schemas, extensions, languages, foreign data
  CreateSchemaStmt: changesSchema("CREATE SCHEMA"),
  CreateExtensionStmt: changesSchema("CREATE EXTENSION"),
  AlterExtensionStmt: changesSchema("ALTER EXTENSION"),
  AlterExtensionContentsStmt: changesSchema("ALTER EXTENSION"),
  CreatePLangStmt: changesSchema("CREATE LANGUAGE"),
  CreateAmStmt: changesSchema("CREATE ACCESS METHOD"),
  CreateEventTrigStmt: changesSchema("CREATE EVENT TRIGGER"),
  AlterEventTrigStmt: changesSchema("ALTER EVENT TRIGGER"),
  CreateFdwStmt: changesSchema("CREATE FOREIGN DATA WRAPPER"),
  AlterFdwStmt: changesSchema("ALTER FOREIGN DATA WRAPPER"),
  CreateForeignServerStmt: changesSchema("CREATE SERVER"),
  AlterForeignServerStmt: changesSchema("ALTER SERVER"),
  CreateUserMappingStmt: changesSchema("CREATE USER MAPPING"),
  AlterUserMappingStmt: changesSchema("ALTER USER MAPPING"),
  DropUserMappingStmt: changesSchema("DROP USER MAPPING"),
  ImportForeignSchemaStmt: changesSchema("IMPORT FOREIGN SCHEMA"),

  // Roles and rights
  CreateRoleStmt: changesSchema("CREATE ROLE"),
  AlterRoleStmt: changesSchema("ALTER ROLE"),
  AlterRoleSetStmt: changesSchema("ALTER ROLE"),
  DropRoleStmt: changesSchema("DROP ROLE"),
  GrantStmt: changesSchema(({ is_grant }) => (is_grant === true ? "GRANT" : "REVOKE")),
  GrantRoleStmt: changesSchema(({ is_grant }) => (is_grant === true ? "GRANT" : "REVOKE")),
  AlterDefaultPrivilegesStmt: changesSchema("ALTER DEFAULT PRIVILEGES"),
  DropOwnedStmt: changesSchema("DROP OWNED"),
  ReassignOwnedStmt: changesSchema("REASSIGN OWNED"),

  // Objects of any kind
  DropStmt: changesSchema(onObject("DROP", "removeType"), ({ concurrent }) => concurrent === true),
  RenameStmt: changesSchema(onObject("ALTER", "renameType")),
  AlterObjectDependsStmt: changesSchema(onObject("ALTER", "objectType")),
  AlterObjectSchemaStmt: changesSchema(onObject("ALTER", "objectType")),
  AlterOwnerStmt: changesSchema(onObject("ALTER", "objectType")),
  CommentStmt: changesSchema("COMMENT"),
  SecLabelStmt: changesSchema("SECURITY LABEL"),

  // Parts of other statements, of PL/pgSQL, and of trees that were analysed already
  RawStmt: neverOnItsOwn,
  ReplicaIdentityStmt: neverOnItsOwn,
  ReturnStmt: neverOnItsOwn,
  PLAssignStmt: neverOnItsOwn,
  SetOperationStmt: neverOnItsOwn,
};
