/** What the client of the data route makes of answers that an app gives in place of the route. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { RouteClient } from '../../core/tools/data/route-client.ts'

test.each([
  [200, 'text/html', '<h1>welcome</h1>'],
  [200, 'application/json', '{"hello":"world"}'],
  [200, 'application/json', 'null'],
  [200, 'application/json', 'no JSON'],
  [204, 'text/plain', ''],
  [401, 'application/json', '{"error":"who are you?"}'],
  [403, 'text/plain', 'no'],
  [404, 'text/html', '<h1>lost</h1>'],
  [405, 'text/plain', 'GET alone'],
  [422, 'application/json', '{"error":"invalid form"}'],
  [422, 'application/json', '{"errors":[]}'],
  [422, 'text/plain', 'invalid form'],
])('an app that answers %i %s "%s" itself has no data route for the token', async (status, type, body) => {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': type }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = new RouteClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'x'.repeat(36))
  await expect(client.call({ op: 'bindings' })).rejects.toMatchObject({
    code: 'PermissionDenied',
    message: expect.stringContaining('has no data route for this token'),
  })
  server.closeAllConnections()
  server.close()
})
