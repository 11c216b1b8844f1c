import { describe, expect, test } from "vitest";
import { proofQuestion, walQuestion, xidProbe } from "../../pointsman/src/consistency/makers.ts";
import { ServerState } from "../../pointsman/src/consistency/server-state.ts";
import { type CertificateFacts, judgeCertificate } from "../src/doctor/checks/certificate.ts";
import { guessFromDates, judgeClock } from "../src/doctor/checks/clock.ts";
import { judgeConnections } from "../src/doctor/checks/connections.ts";
import { judgeFreshness } from "../src/doctor/checks/freshness.ts";
import { judgeLag } from "../src/doctor/checks/lag.ts";
import {
  hasSeen,
  timelineOfControlFile,
  timelineOfStandby,
} from "../src/doctor/checks/positions.ts";
import { judgePrivileges } from "../src/doctor/checks/privileges.ts";
import { judgeReadOnly } from "../src/doctor/checks/read-only.ts";
import { judgeRole } from "../src/doctor/checks/role.ts";
import { judgeVersion } from "../src/doctor/checks/version.ts";
import { Secrets } from "../src/secrets.ts";

// Cases that a cluster on this machine cannot be brought into.

const now = Date.parse("2026-01-10T00:00:00Z");

describe("the clock", () => {
  test.each([
    [0, 2, true, "ok", "agrees with the server's"],
    [4000, 2, true, "ok", "4 s ahead of the server's"],
    [-40_000, 2, true, "look", "40 s behind the server's"],
    [-400_000, 2, true, "bad", "7 minutes behind the server's"],
    [400_000, 2, false, "look", "7 minutes ahead of the server's"],
    // Half of a slow way there and back is no difference.
    [900, 2000, true, "ok", "agrees with the server's"],
  ] as const)(
    "%i ms ahead, after %i ms, signing tokens %s: %s",
    (ahead, trip, signs, mark, found) => {
      expect(judgeClock(ahead, trip, signs)).toMatchObject({ mark, found });
    },
  );

  const certificate = { validFrom: new Date(now), validTo: new Date(now) } as CertificateFacts;
  test.each([
    [{}, "skipped", "not compared, since there was no login"],
    [{ credentialsEnd: new Date(now - 1) }, "look", /that have ended suggest that it is fast$/],
    [{ credentialsEnd: new Date(now + 3_600_000) }, "skipped", /no login$/],
    [{ credentialsEnd: new Date(now + 40 * 3_600_000) }, "look", /suggest that it is slow$/],
    [{ certificate: { ...certificate, problem: "CERT_NOT_YET_VALID" } }, "look", /it is slow$/],
    [{ certificate: { ...certificate, problem: "CERT_HAS_EXPIRED" } }, "look", /it is fast$/],
  ])("without a login, from %j: %s", (facts, mark, found) => {
    expect(guessFromDates(facts, now)).toMatchObject({ mark, found: expect.stringMatching(found) });
  });
});

describe("a certificate", () => {
  const facts: CertificateFacts = {
    subject: "db.example.com",
    issuers: ["Example CA"],
    names: ["db.example.com", "b.example.com", "c.example.com"],
    validFrom: new Date("2025-12-01"),
    validTo: new Date("2026-03-01"),
    problem: undefined,
  };
  test.each([
    [{}, "verify-full", "ok", "db.example.com by Example CA, 50 days left"],
    [
      { validTo: new Date("2026-01-11") },
      "verify-full",
      "look",
      "db.example.com by Example CA, 1 day left",
    ],
    [
      {},
      "require",
      "look",
      "encrypted, but not verified (sslmode require): db.example.com by Example CA",
    ],
    [
      { problem: "CERT_NOT_YET_VALID" },
      "verify-full",
      "bad",
      "a certificate of the chain is not valid yet (the server's own: from 2025-12-01)",
    ],
    [
      { problem: "ERR_TLS_CERT_ALTNAME_INVALID" },
      "verify-full",
      "bad",
      "the certificate is not for the.host, but for db.example.com, b.example.com and 1 more",
    ],
  ] as const)("with %j in %s: %s", (different, mode, mark, found) => {
    const finding = judgeCertificate({ ...facts, ...different }, mode, "the.host", now);
    expect(finding).toMatchObject({ mark, found });
    expect("remedy" in finding).toBe(mark !== "ok");
  });
});

describe("the lag", () => {
  test.each([
    [{}, "ok", "not told by this server"],
    [{ sinceMillis: 90_000 }, "ok", "not told by this server"],
    [
      { behindBytes: 0, sinceMillis: 90_000 },
      "ok",
      "none: all that the writer has written is applied",
    ],
    [
      { behindBytes: -8, unappliedBytes: 0 },
      "ok",
      "none: all that the writer has written is applied",
    ],
    [{ behindBytes: null, unappliedBytes: 0 }, "ok", "none: all that has been received is applied"],
    [{ behindBytes: 2048, sinceMillis: 120 }, "ok", "up to 120 ms, 2 kB behind"],
    [{ behindBytes: 5e6, sinceMillis: 9000 }, "look", "up to 9 s, 5 MB behind"],
    [{ behindBytes: 100, sinceMillis: null }, "ok", "100 bytes behind"],
    [{ auroraMillis: 18 }, "ok", "18 ms behind"],
    [{ auroraMillis: 8000 }, "look", "8 s behind"],
    [{ behindBytes: 100, paused: true }, "look", "replay is paused, 100 bytes behind"],
  ] as const)("of %j: %s", (progress, mark, found) => {
    expect(judgeLag(progress)).toMatchObject({ mark, found });
  });
});

describe("the freshness", () => {
  test.each([
    [
      { outcome: "proved", by: "WAL positions", afterMillis: 1.4 },
      "ok",
      "WAL positions: proved after 1 ms",
    ],
    [
      { outcome: "proved", by: "transaction ids", afterMillis: 230 },
      "ok",
      "transaction ids: proved after 230 ms",
    ],
    [
      { outcome: "false", by: "transaction ids" },
      "bad",
      "transaction ids: the reader says yes to a transaction that is still running",
    ],
    [
      { outcome: "not in time", by: "WAL positions", waitedMillis: 5000 },
      "look",
      "WAL positions: not proved within 5 s",
    ],
    [
      { outcome: "not in time", by: "transaction ids", waitedMillis: 500 },
      "look",
      "transaction ids: not proved within 0.5 s",
    ],
    [
      { outcome: "another timeline", by: "WAL positions", reader: 1, writer: 2 },
      "look",
      "WAL positions: the reader has it, but is shown to be on timeline 1, and the writer on 2",
    ],
    [
      { outcome: "no positions" },
      "look",
      "neither WAL positions nor transaction ids: the servers refuse to tell them",
    ],
  ] as const)("of %j: %s", (proof, mark, found) => {
    const finding = judgeFreshness(proof);
    expect(finding).toMatchObject({ mark, found });
    expect("remedy" in finding).toBe(mark !== "ok");
  });

  test("is asked for in the words of the library", () => {
    const facts = {
      run: "",
      startedAt: "",
      maker: "xid",
      timeline: 1,
      replays: true,
      segmentBytes: 1,
    } as const;
    const wanted = { maker: "xid", system: "", timeline: 1, at: 740 } as const;
    expect(proofQuestion(new ServerState(facts), wanted)).toContain(hasSeen("740"));
    expect(xidProbe).toContain(timelineOfControlFile);
    expect(walQuestion).toContain(timelineOfStandby);
  });
});

describe("the role", () => {
  test.each([
    ["writer", false, false, "ok", "the writer"],
    ["writer", false, undefined, "ok", "the writer"],
    ["writer", true, true, "bad", "this is a reader"],
    ["reader", true, true, "ok", "a reader"],
    [
      "reader",
      true,
      undefined,
      "look",
      "a reader, which does not report its role (in_hot_standby)",
    ],
    ["reader", true, false, "look", "a reader, which does not report its role (in_hot_standby)"],
    ["reader", false, false, "look", "this is a writer, so reads are not taken off it"],
  ] as const)("%s, standby %s, reported %s: %s", (side, standby, reported, mark, found) => {
    expect(judgeRole(side, standby, reported)).toMatchObject({ mark, found });
  });
});

describe("the connections", () => {
  const room = (most: number) => ({ most, reserved: 3 });
  test.each([
    [
      [room(103)],
      10,
      undefined,
      "ok",
      "one process opens up to 10 of 100 (max_connections 103, 3 reserved)",
    ],
    [
      [room(503), room(43)],
      10,
      10,
      "ok",
      "one process opens up to 10 + 10 of 40 (max_connections 43, 3 reserved)",
    ],
    [
      [room(42)],
      10,
      10,
      "look",
      "one process opens up to 10 + 10 of 39 (max_connections 42, 3 reserved)",
    ],
    [
      [room(22)],
      10,
      10,
      "bad",
      "one process opens up to 10 + 10 of 19 (max_connections 22, 3 reserved)",
    ],
    [[], 10, 10, "skipped", "not compared, since there was no login"],
  ] as const)("of %j for %i and %s: %s", (rooms, writer, reader, mark, found) => {
    expect(judgeConnections(rooms, writer, reader)).toMatchObject({ mark, found });
  });
});

describe("the version", () => {
  test.each([
    ["14.11", 140011, "ok"],
    ["13.14", 130014, "look"],
  ])("%s", (version, number, mark) => {
    expect(judgeVersion(version, number)).toMatchObject({ mark, found: `PostgreSQL ${version}` });
  });
});

describe("the privileges", () => {
  const row = { name: 'a"b', super: false, iam: null, tables: 3, readable: 3, writable: 3 };
  test.each([
    [{}, "writer", false, "ok", 'a"b: may read 3 and write 3 of 3 tables'],
    [{ iam: true }, "reader", true, "ok", 'a"b, in rds_iam: may read 3 of 3 tables'],
    [{ iam: false }, "reader", true, "bad", 'a"b: may read 3 of 3 tables; not in rds_iam'],
    [{ writable: 0 }, "writer", false, "look", 'a"b: may read 3 and write 0 of 3 tables'],
    [{ writable: 0 }, "reader", false, "ok", 'a"b: may read 3 of 3 tables'],
    [
      { tables: 0, readable: 0, writable: 0 },
      "writer",
      false,
      "ok",
      'a"b: there are no tables yet',
    ],
  ] as const)("%j on the %s, by IAM %s: %s", (different, side, byIam, mark, found) => {
    expect(judgePrivileges({ ...row, ...different }, side, byIam)).toMatchObject({ mark, found });
  });

  test("that are missing are granted to the name as SQL has it", () => {
    const { remedy } = judgePrivileges({ ...row, iam: false }, "writer", true);
    expect(remedy).toBe('GRANT rds_iam TO "a""b";');
  });
});

describe("read-only", () => {
  test.each([
    ["writer", false, false, "ok"],
    ["writer", false, true, "bad"],
    ["reader", true, false, "ok"],
    ["reader", false, true, "ok"],
    ["reader", false, false, "ok"],
  ] as const)("%s, standby %s, by default %s: %s", (side, standby, byDefault, mark) => {
    expect(judgeReadOnly(side, standby, byDefault).mark).toBe(mark);
  });
});

describe("secrets", () => {
  const secrets = new Secrets({ PGPASSWORD: "hunter2hunter2", AWS_SECRET_ACCESS_KEY: "a/b+c=d==" });
  for (const word of ["app1", "postgres", ""]) secrets.add(word);
  test.each([
    ["is hunter2hunter2 right?", "is *** right?"],
    ["?secret=a%2Fb%2Bc%3Dd%3D%3D&x", "?secret=***&x"],
    ["database postgres, user app1", "database postgres, user app1"],
    [
      "h:1/?X-Amz-Date=2026&X-Amz-Security-Token=abc%2F&X-Amz-Signature=0f0f done",
      "h:1/?X-Amz-Date=2026&X-Amz-Security-Token=***&X-Amz-Signature=*** done",
    ],
  ])("are taken out of %j", (text, hidden) => {
    expect(secrets.hide(text)).toBe(hidden);
  });
});
