import { createPool } from "pointsman";
import { shopContract, type Urls } from "../../contract/shop-contract.ts";
import { createApp } from "../src/app.ts";
import { createSchema } from "../src/database.ts";
import { listen } from "../src/listen.ts";
import { seed } from "../src/seed.ts";

const poolOf = ({ writer, reader }: Urls) => createPool({ writer, reader });

shopContract("the bookshop", {
  async setUp(urls) {
    const pool = poolOf(urls);
    await createSchema(pool);
    await seed(pool, { size: 0.02 });
    await pool.end();
  },
  async open(urls) {
    const pool = poolOf(urls);
    pool.on("error", () => {});
    const shop = await listen(createApp(pool), 0);
    return {
      url: shop.url,
      async close() {
        await shop.close();
        await pool.end();
      },
    };
  },
  carriesTokens: false,
});
