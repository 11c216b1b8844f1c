import type { Random } from "../../consistency/random.ts";
import { around } from "../shapes.ts";
import type { Statement } from "../statement.ts";
import { lines } from "./lines.ts";

const calls = lines(`
  dblink_exec('afar', 'insert into audit (what) values (''dblink'')')
  (select count(*) from dblink('afar', 'select id from notes') as t(id int))
  (select count(*) from dblink('afar', 'insert into audit (what) values (''dblink'') returning id') as t(id int))
  dblink_connect('kept', 'afar')
  (select count(*) from crosstab('select id, 1, 2 from notes') as t(id int, a int))
  (select count(*) from connectby('notes', 'id', 'body', '1', 0) as t(id int, body text, level int))
  (select count(*) from normal_rand(3, 1, 2))
  gen_salt('bf')
  crypt('secret', gen_salt('md5'))
  digest('abc', 'sha256')
  gen_random_bytes(8)
  uuid_generate_v4()
  uuid_generate_v5(uuid_ns_url(), 'https://example.com')
  similarity('word', 'world')
  set_limit(0.5)
  show_limit()
  show_trgm('word')
  'word' % 'world'
  levenshtein('word', 'world')
  soundex('word')
  unaccent('hôtel')
  'a=>1'::hstore -> 'a'
  akeys('a=>1'::hstore)
  'a.b'::ltree <@ 'a'::ltree
  earth_distance(ll_to_earth(51, 0), ll_to_earth(52, 0))
  sort(array[3, 1, 2])
  xpath_string('<a>b</a>', 'a')
  pg_stat_statements_reset()
  lo_oid(4242::lo)
  (select count(*) from pgrowlocks('notes'))
  (select count(*) from pgstattuple('notes'))
  (select count(*) from heap_page_items(get_raw_page('notes', 0)))
  bt_index_check('notes_pkey')
  pg_relpages('notes')
  'ABC'::citext = 'abc'::citext
`);

/** What extensions do that is not only computing, and what is asked of them most. */
export function extensionCalls(random: Random): Statement[] {
  return calls
    .flatMap((call) => around(call, 2, random))
    .map((text) => ({ topic: "extensions", text }));
}
