import { expect, it } from 'vitest'
import { type AppLimits, DEFAULT_LIMITS } from '../../adapters/isolate/host/limits.ts'
import { TenantSocketQuota } from '../../adapters/isolate/host/worker/socket-quota.ts'
import { UsageMeter } from '../../adapters/isolate/host/worker/usage-meter.ts'
import type { MeteredSocket } from '../../adapters/node-server/runtime/web-sockets/socket-server.ts'

/** Frames of one read of the network, which may still come after a pause. */
const READ = 11_000

class Socket implements MeteredSocket {
  isPaused = false
  closed: number | undefined
  get isOpen(): boolean {
    return this.closed === undefined
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  closeWith(code: number): void {
    this.closed = code
  }
}

function quotaOf(limits: Partial<AppLimits>): { quota: TenantSocketQuota; bill: UsageMeter } {
  const bill = new UsageMeter()
  return { quota: new TenantSocketQuota(() => ({ limits: { ...DEFAULT_LIMITS, ...limits }, bill })), bill }
}

it('pings take from the budget of messages: a flood of them pauses the socket, and is closed with 1008', () => {
  const { quota, bill } = quotaOf({ socketMessages: 1 })
  const socket = new Socket()
  quota.pinged(socket)
  expect([socket.isPaused, bill.usage.limits.socketMessages]).toEqual([false, undefined])
  for (let count = 0; count < 100; count++) quota.pinged(socket)
  expect([socket.isPaused, bill.usage.limits.socketMessages]).toEqual([true, 1])
  expect(socket.closed).toBeUndefined()
  for (let count = 0; count < READ * 2; count++) quota.pinged(socket)
  expect(socket.closed).toBe(1008)
  // A ping is no message of the app's usage.
  expect([bill.usage.socketMessages, bill.usage.bytesIn]).toEqual([0, 0])
  quota.forget(socket)
})

it('messages beyond socketBufferBytes pause their socket, and are counted', () => {
  const { quota, bill } = quotaOf({ socketBufferBytes: 1024 })
  const socket = new Socket()
  expect(quota.arrived(socket, 1000)).toBe(true)
  quota.hold(1000)
  expect(socket.isPaused).toBe(false)
  expect(quota.arrived(socket, 25)).toBe(true)
  expect([socket.isPaused, bill.usage.limits.socketBufferBytes, bill.usage.socketMessages]).toEqual([
    true,
    1,
    2,
  ])
  quota.forget(socket)
})
