import { defineLibrary } from '../../harness/library.ts'

const headers = {
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
  'mcp-protocol-version': '2025-06-18',
}
const call = (method: string, params: object = {}): object => ({ jsonrpc: '2.0', id: 1, method, params })
const initialize = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'client', version: '1' },
}

export default defineLibrary({
  packages: ['@modelcontextprotocol/sdk'],
  requests: [
    {
      name: 'initialize',
      path: '/json',
      headers,
      body: call('initialize', initialize),
      contains: 'serverInfo',
    },
    {
      name: 'initialize, as events',
      path: '/sse',
      headers,
      body: call('initialize', initialize),
      contains: 'data: ',
    },
    { name: 'tools', path: '/json', headers, body: call('tools/list'), contains: '"name":"add"' },
    {
      name: 'call',
      path: '/json',
      headers,
      body: call('tools/call', { name: 'add', arguments: { a: 1, b: 2 } }),
      contains: '"text":"3"',
    },
    {
      name: 'call, as events',
      path: '/sse',
      headers,
      body: call('tools/call', { name: 'add', arguments: { a: 1, b: 2 } }),
      contains: '"text":"3"',
    },
    {
      name: 'bad arguments',
      path: '/json',
      headers,
      body: call('tools/call', { name: 'add', arguments: { a: 'x' } }),
      contains: 'isError',
    },
    {
      name: 'a tool that fails',
      path: '/json',
      headers,
      body: call('tools/call', { name: 'fails', arguments: {} }),
      contains: 'too far',
    },
    {
      name: 'resource',
      path: '/json',
      headers,
      body: call('resources/read', { uri: 'greeting://ada' }),
      contains: 'Hällo',
    },
    { name: 'not acceptable', path: '/json', body: call('tools/list'), status: 406 },
  ],
})
