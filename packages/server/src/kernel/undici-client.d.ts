/** Deep entries of undici: its index loads fetch, web sockets, mocks and more, which triples our cold start. */
declare module 'undici/lib/dispatcher/client.js' {
  import type { Client } from 'undici'
  const constructor: typeof Client
  export default constructor
}
declare module 'undici/lib/dispatcher/proxy-agent.js' {
  import type { ProxyAgent } from 'undici'
  const constructor: typeof ProxyAgent
  export default constructor
}
