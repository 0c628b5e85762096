import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { defineApp } from 'unmoor'
import { z } from 'zod'

function createServer(): McpServer {
  const server = new McpServer({ name: 'corpus', version: '1.0.0' })
  server.registerTool(
    'add',
    { description: 'Adds', inputSchema: { a: z.number(), b: z.number() } },
    ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }),
  )
  server.registerTool('fails', { inputSchema: {} }, () => {
    throw new RangeError('too far')
  })
  server.registerResource('greeting', 'greeting://ada', { mimeType: 'text/plain' }, (uri) => ({
    contents: [{ uri: uri.href, text: 'Hällo' }],
  }))
  return server
}

export default defineApp({
  async fetch(request) {
    const transport = new WebStandardStreamableHTTPServerTransport({
      enableJsonResponse: new URL(request.url).pathname === '/json',
    })
    await createServer().connect(transport)
    return transport.handleRequest(request)
  },
})
