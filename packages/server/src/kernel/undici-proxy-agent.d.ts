/** The deep entry of undici's proxy agent: the index loads fetch, web sockets, mocks and more. */
declare module 'undici/lib/dispatcher/proxy-agent.js' {
  import type { ProxyAgent } from 'undici'
  const constructor: typeof ProxyAgent
  export default constructor
}
