import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OutboundClient } from '../../adapters/isolate/services/outbound/client.ts'
import type { Resolve } from '../../adapters/isolate/services/outbound/lookup.ts'
import { OutboundPolicy, type OutboundRules } from '../../adapters/isolate/services/outbound/rules.ts'

let server: Server
let connections = 0
let port: number
beforeAll(async () => {
  server = createServer((socket) => {
    connections++
    socket.on('error', () => {}).pipe(socket)
  })
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
  port = (server.address() as AddressInfo).port
})
afterAll(() => server.close())

const open = (url: string, rules: OutboundRules = {}, resolve?: Resolve): Promise<Response> =>
  new OutboundClient({ policy: new OutboundPolicy(rules), resolve }).fetch({
    method: 'POST',
    url,
    headers: [],
    redirect: 'manual',
    body: new Response('hello').body,
  })

test('a TCP connection goes where the rules let requests go, and nowhere else', async () => {
  const before = connections
  for (const scheme of ['tcp', 'tls', 'starttls'])
    for (const host of ['127.0.0.1', '[::1]', '10.0.0.1', '169.254.169.254', '0.0.0.0'])
      await expect(open(`${scheme}://${host}:${port}/`), `${scheme}://${host}`).rejects.toThrow(
        'PermissionDenied',
      )
  const toLoopback: Resolve = (_name, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
  await expect(open(`tcp://innocent.example:${port}/`, {}, toLoopback)).rejects.toThrow('may not reach')
  expect(connections).toBe(before)
  const answer = await open(`tcp://innocent.example:${port}/`, { allow: ['127.0.0.1'] }, toLoopback)
  expect(await answer.text()).toBe('hello')
})

test('ports that fetch never uses are closed, and so are connections that nobody has opened', async () => {
  const rules = { allow: ['127.0.0.1'] }
  for (const closed of [25, 22, 6667])
    await expect(open(`tcp://127.0.0.1:${closed}/`, rules)).rejects.toThrow('PermissionDenied')
  await expect(open('upgrade://11111111-2222-3333-4444-555555555555/', rules)).rejects.toThrow('is closed')
})
