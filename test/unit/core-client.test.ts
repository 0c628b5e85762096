import { describe, expect, it } from 'vitest'
import { beforePeer, clientInfo, createTrust, type TrustProxy, trustProblem } from '../../core/client.ts'

describe('the client of a request', () => {
  it.each([
    ['192.0.2.1', 'IPv4', '192.0.2.1'],
    ['::1', 'IPv6', '::1'],
    ['2001:DB8:0:0::1', 'IPv6', '2001:db8::1'],
    ['::ffff:192.0.2.1', 'IPv4', '192.0.2.1'],
    ['::ffff:c000:201', 'IPv4', '192.0.2.1'],
    ['fe80::1%eth0', 'IPv6', 'fe80::1'],
  ])('at %s is told as %s', (given, addressType, address) => {
    expect(clientInfo(given, 80)).toEqual({ remote: { address, addressType, port: 80, transport: 'tcp' } })
  })

  it.each(['', 'unknown', '256.1.1.1', '1.2.3', ':::', 'localhost', 'x'.repeat(100), '1.2.3.4/8'])(
    'at %j is nobody',
    (given) => expect(clientInfo(given)).toEqual({ remote: {} }),
  )
})

describe('trusted proxies', () => {
  const client = (trusted: TrustProxy, peer: string, list: string): string | undefined =>
    createTrust(trusted)?.clientOf(peer, list)

  it('are none by default', () => {
    expect([createTrust(undefined), createTrust(false), createTrust(0)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it.each<[TrustProxy, string, string, string]>([
    // The last entry is the nearest proxy's word; what is left of it is the client's.
    [true, '10.0.0.1', '203.0.113.66, 192.0.2.1', '192.0.2.1'],
    [1, '10.0.0.1', '203.0.113.66,192.0.2.1', '192.0.2.1'],
    [2, '10.0.0.1', '203.0.113.66, 192.0.2.1, 10.0.0.2', '192.0.2.1'],
    // Fewer entries than proxies: one of them was gone round.
    [3, '10.0.0.1', '192.0.2.1', '192.0.2.1'],
    [true, '10.0.0.1', '', '10.0.0.1'],
    [['10.0.0.0/8'], '10.0.0.1', '203.0.113.66, 192.0.2.1, 10.9.9.9', '192.0.2.1'],
    // The peer is no proxy of ours: nothing that it says counts.
    [['10.0.0.0/8'], '192.0.2.9', '203.0.113.66', '192.0.2.9'],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', '192.0.2.1', '192.0.2.1'],
    [['fd00::/8', '::1'], 'fd12::1', '2001:db8::5, ::1', '2001:db8::5'],
    [['10.0.0.0/31'], '10.0.0.2', '192.0.2.1', '10.0.0.2'],
    // Only proxies: the first of them is the client.
    [['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    [true, '10.0.0.1', '192.0.2.1:4711', '192.0.2.1'],
    [true, '10.0.0.1', '[2001:db8::1]:443', '2001:db8::1'],
    // A proxy that hides its client, or a broken entry: the one who wrote it is the last that is known.
    [2, '10.0.0.1', '192.0.2.1, unknown', '10.0.0.1'],
    [2, '10.0.0.1', '192.0.2.1, 1.2.3.4.5', '10.0.0.1'],
    [2, '10.0.0.1', ',,,', '10.0.0.1'],
  ])('%j behind %s with %j leave %s', (trusted, peer, list, expected) => {
    expect(client(trusted, peer, list)).toBe(expected)
  })

  it('that write their own address too are not counted twice', () => {
    expect(beforePeer('203.0.113.66, 192.0.2.1', '192.0.2.1')).toEqual({
      list: '203.0.113.66',
      peer: '192.0.2.1',
    })
    expect(beforePeer('203.0.113.66', undefined)).toEqual({ list: '', peer: '203.0.113.66' })
    expect(beforePeer(null, '192.0.2.1')).toEqual({ list: '', peer: '192.0.2.1' })
  })

  it.each([
    ['yes', 'true, false, a number of proxies or a list'],
    [-1, 'a number of proxies'],
    [1.5, 'a number of proxies'],
    [[], 'a list of addresses'],
    [[1], 'a list of addresses'],
    [['10.0.0.0/33'], '"10.0.0.0/33" is no address and no range'],
    [['balancer.internal'], '"balancer.internal" is no address and no range'],
    [['10.0.0.0/8/8'], 'no range'],
  ])('are refused as %j, with what an option takes', (given, message) => {
    expect(trustProblem(given)).toContain(message)
  })
})
