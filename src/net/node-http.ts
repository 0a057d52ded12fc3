/** `node:http` without what an `import` of it would load: that evaluates each export, and `WebSocket` is the whole of undici. */
export const { Agent, createServer, get, request, STATUS_CODES, validateHeaderName, validateHeaderValue } =
  process.getBuiltinModule('node:http');
