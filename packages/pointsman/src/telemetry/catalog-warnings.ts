import { warn } from "./warnings.ts";

/** A server has refused to tell what is in its database. */
export function warnOfUnreadCatalog(error: Error): void {
  warn(
    "POINTSMAN_CATALOG_UNREAD",
    `The database does not tell what its functions and views do (${error.message}), so statements that call unknown functions go to the writer. Say what they do with the option functions, or catalog: false if that is how it shall be.`,
  );
}
