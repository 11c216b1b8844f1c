import { describe, expect, it } from "vitest";
import { takeApart } from "../../src/statements/plpgsql.ts";

const define = (body: string, signature = "f(n integer) returns integer"): string =>
  `create or replace function public.${signature} language plpgsql as $function$ ${body} $function$`;

describe("the body of a function in PL/pgSQL", () => {
  it("is taken apart into the statements and expressions that it runs", () => {
    const { statements, problem } = takeApart(
      define(`
        declare
          total integer := start_of(n);
          book record;
          places integer[];
        begin
          for book in select * from books where stock > n loop
            total := total + book.stock;
          end loop;
          if allowed(total) then perform noted(total); end if;
          places[slot(n)] := value_of(n);
          insert into audit (what) values (total);
          return (select max(id) from audit);
        exception when others then
          raise notice 'failed %', told(n);
          return 0;
        end`),
    );
    expect(problem).toBeUndefined();
    const all = statements.join("\n");
    for (const part of [
      "start_of(n)",
      "select * from books where stock > n",
      "select  total + book.stock",
      "allowed(total)",
      "noted(total)",
      "slot(n)",
      "value_of(n)",
      "insert into audit",
      "max(id)",
      "told(n)",
    ]) {
      expect(all).toContain(part);
    }
  });

  it.each([
    ["execute 'select 1'", "dynamic"],
    ["execute 'select ' || n into n", "dynamic"],
    ["for n in execute 'select 1' loop null; end loop", "dynamic"],
    ["call tidy()", "commits"],
    ["commit", "commits"],
    ["rollback", "commits"],
  ])("%s: %s", (statement, problem) => {
    expect(takeApart(define(`begin ${statement}; return 1; end`)).problem).toBe(problem);
  });

  it("RETURN QUERY EXECUTE and OPEN FOR EXECUTE are dynamic, too", () => {
    const rows = "f(n integer) returns setof integer";
    const query = "begin return query execute 'select 1'; end";
    expect(takeApart(define(query, rows)).problem).toBe("dynamic");
    const cursor = "declare c refcursor; begin open c for execute 'select 1'; return 1; end";
    expect(takeApart(define(cursor)).problem).toBe("dynamic");
  });

  it.each(["", "begin", "create function f() returns int language plpgsql as 'no body'", "\0"])(
    "what is none is unparsable: %j",
    (text) => {
      expect(takeApart(text).problem).toBe("unparsable");
    },
  );
});
