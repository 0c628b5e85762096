import { describe, expect, it } from 'vitest'
import { WorkerContext } from '../../adapters/cloudflare/runtime/context.ts'
import { createEdgeClient } from '../../adapters/cloudflare/runtime/edge-client.ts'
import type { TrustProxy } from '../../core/client.ts'

const native = { waitUntil() {}, passThroughOnException() {} }

interface Options {
  edge?: boolean
  trust?: TrustProxy
}

/** `ctx` of a request as Cloudflare's edge hands it over, or as workerd alone does without `edge`. */
function contextOf(headers: Record<string, string>, { edge = true, trust }: Options = {}): WorkerContext {
  const request = Object.assign(new Request('https://a.example/', { headers }), edge ? { cf: {} } : {})
  const edgeClient = trust === undefined ? undefined : createEdgeClient(trust)
  return new WorkerContext(native, request, edgeClient)
}
const clientOf = (headers: Record<string, string>, options?: Options): object =>
  contextOf(headers, options).client.remote

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

describe('ctx.requestId of a Worker', () => {
  const requestId = (headers: Record<string, string>, options?: Options): string =>
    contextOf(headers, options).requestId

  it('is the ray that the edge names', () => {
    const headers = { 'cf-connecting-ip': '192.0.2.1', 'cf-ray': '8f1b2c3d4e5f6a7b-AMS', 'x-request-id': 'x' }
    expect(requestId(headers)).toBe('8f1b2c3d4e5f6a7b-AMS')
    expect(requestId(headers, { trust: ['198.51.100.1'] })).toBe('8f1b2c3d4e5f6a7b-AMS')
  })

  it('is made where there is no edge', () => {
    const ctx = contextOf({ 'cf-ray': 'forged', 'x-request-id': 'forged' }, { edge: false, trust: true })
    expect(ctx.requestId).toMatch(/^[\da-f-]{36}$/)
    expect(ctx.requestId).toBe(ctx.requestId)
    expect(new WorkerContext(native).requestId).toMatch(/^[\da-f-]{36}$/)
  })

  it('is what a trusted proxy calls it, where that can stand in a log line', () => {
    const headers = { 'cf-connecting-ip': '192.0.2.1', 'cf-ray': 'ray' }
    expect(requestId({ ...headers, 'x-request-id': 'order-17' }, { trust: ['192.0.2.1'] })).toBe('order-17')
    for (const bad of ['', 'two words', 'a,b', '"quoted"', 'x'.repeat(129)])
      expect(requestId({ ...headers, 'x-request-id': bad }, { trust: ['192.0.2.1'] })).toBe('ray')
  })
})
