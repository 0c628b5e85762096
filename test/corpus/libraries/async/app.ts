import { auto, eachLimit, mapSeries, queue, retry } from 'async'
import { EventEmitter } from 'eventemitter3'
import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import { setTimeout as wait } from 'node:timers/promises'
import { defineApp } from 'unmoor'

/** Work whose most at once is counted. */
function counted(): { most: () => number; work: (n: number) => Promise<number> } {
  let [now, most] = [0, 0]
  return {
    most: () => most,
    async work(n) {
      most = Math.max(most, ++now)
      await wait(2)
      now--
      return n * 2
    },
  }
}

export default defineApp({
  async fetch(request) {
    const { most, work } = counted()
    const numbers = [1, 2, 3, 4, 5]
    switch (new URL(request.url).pathname) {
      case '/p-limit': {
        const limit = pLimit(2)
        return Response.json({ all: await Promise.all(numbers.map((n) => limit(work, n))), most: most() })
      }
      case '/async': {
        const results = await mapSeries<number, number, Error>(numbers, work)
        await eachLimit(numbers, 3, work)
        const made = await auto<{ a: number; b: number }>({
          a: async () => work(1),
          b: ['a', async ({ a }: { a: number }) => a + 1],
        })
        return Response.json({ results, made, most: most() })
      }
      case '/retry': {
        let tries = 0
        const value = await retry({ times: 3, interval: 1 }, async () => {
          if (++tries < 3) throw new Error('not yet')
          return 'done'
        })
        return Response.json({ tries, value })
      }
      case '/queue': {
        const done: number[] = []
        const jobs = queue<number>((n, callback) => {
          done.push(n)
          setTimeout(callback, 1)
        }, 1)
        void jobs.push(numbers)
        jobs.unshift(0, () => {})
        await jobs.drain()
        return Response.json(done)
      }
      case '/lru-cache': {
        const cache = new LRUCache<string, number>({
          max: 2,
          ttl: 60_000,
          fetchMethod: async (key) => work(key.length),
        })
        await cache.fetch('abc')
        cache.set('a', 1).set('b', 2)
        return Response.json({ keys: [...cache.keys()], has: cache.has('abc'), size: cache.size })
      }
      default: {
        const events = new EventEmitter<{ said(text: string): void }>()
        const heard: string[] = []
        events.on('said', (text) => heard.push(text)).once('said', (text) => heard.push(`once ${text}`))
        return Response.json([
          events.emit('said', 'a'),
          events.emit('said', 'b'),
          heard,
          events.listenerCount('said'),
        ])
      }
    }
  },
})
