// What a program asks the servers that its environment names, by every door that can ask. The
// doors are given, as the module system of the program has loaded them.
const server = "current_setting('cluster_name') as server";

/** The servers that have answered: reads and writes in turns, of two pools and a client. */
exports.ask = async ({ main, pg, testing, endpoints, jobs }) => {
  const answers = [];
  const note = ({ rows }) => answers.push(rows[0].server);
  const pool = main.createPool();
  const queries = await testing.captureQueries(pool, async () => {
    note(await pool.query(`select ${server}, $1::int as n`, [1]));
    note(await pool.query(`insert into notes (text) values ('new') returning ${server}`));
    const payload = await pool.session(async (session) => {
      await pool.query("insert into notes (text) values ('mine')");
      return jobs.withToken({ note: "mine" }, session);
    });
    const seen = await pool.session(
      () => pool.query("select from notes where text = $1", [payload.note]),
      { after: jobs.tokenOf(payload) },
    );
    if (seen.rowCount === 0) throw new Error("A session does not see what was written before it.");
  });
  if (queries.length !== 4) throw new Error(`${queries.length} statements were seen.`);
  await pool.end();

  const client = new pg.Client();
  await client.connect();
  note(await client.query(`select ${server}, 2 as n`));
  note(await client.query(`update notes set text = text returning ${server}`));
  await client.end();

  const sides = endpoints.configuredEndpoints().map(({ side }) => side);
  return JSON.stringify({ answers, sides });
};
