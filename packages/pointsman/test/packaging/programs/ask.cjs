const { ask } = require("./asking.cjs");

ask({
  main: require("pointsman"),
  pg: require("pointsman/pg"),
  testing: require("pointsman/testing"),
  endpoints: require("pointsman/endpoints"),
  jobs: require("pointsman/jobs"),
}).then(console.log);
