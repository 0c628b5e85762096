import { describe, expect, it } from 'vitest'
import { WorkerContext } from '../../adapters/cloudflare/runtime/context.ts'
import { createEdgeClient } from '../../adapters/cloudflare/runtime/edge-client.ts'
import type { TrustProxy } from '../../core/client.ts'

const native = { waitUntil() {}, passThroughOnException() {} }

/** `ctx.client` of a request as Cloudflare's edge hands it over, or as workerd alone does without `edge`. */
function clientOf(headers: Record<string, string>, options: { edge?: boolean; trust?: TrustProxy } = {}) {
  const { edge = true, trust } = options
  const request = Object.assign(new Request('https://a.example/', { headers }), edge ? { cf: {} } : {})
  const edgeClient = trust === undefined ? undefined : createEdgeClient(trust)
  return new WorkerContext(native, request, edgeClient).client.remote
}

describe('ctx.client of a Worker', () => {
  it('is what the edge says, whatever the client claims', () => {
    expect(clientOf({ 'cf-connecting-ip': '192.0.2.1', 'x-forwarded-for': '203.0.113.9' })).toEqual({
      address: '192.0.2.1',
      addressType: 'IPv4',
    })
    expect(clientOf({ 'cf-connecting-ip': '2001:db8::1' })).toEqual({
      address: '2001:db8::1',
      addressType: 'IPv6',
    })
  })

  it('is nobody without the edge, or where it says nothing', () => {
    expect(clientOf({ 'cf-connecting-ip': '192.0.2.1' }, { edge: false, trust: true })).toEqual({})
    expect(clientOf({ 'x-forwarded-for': '203.0.113.9' }, { trust: true })).toEqual({})
    expect(new WorkerContext(native).client.remote).toEqual({})
  })

  it('is the one before a trusted proxy, read from the right', () => {
    // The edge appends the address of the proxy to what that one sent.
    const headers = { 'cf-connecting-ip': '192.0.2.1', 'x-forwarded-for': '6.6.6.6, 203.0.113.9, 192.0.2.1' }
    expect(clientOf(headers, { trust: true })).toMatchObject({ address: '203.0.113.9' })
    expect(clientOf(headers, { trust: 2 })).toMatchObject({ address: '6.6.6.6' })
    expect(clientOf(headers, { trust: ['192.0.2.0/24'] })).toMatchObject({ address: '203.0.113.9' })
    expect(clientOf(headers, { trust: ['198.51.100.1'] })).toMatchObject({ address: '192.0.2.1' })
  })
})
