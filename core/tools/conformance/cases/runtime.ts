import { equal, eventually, ok, sha256 } from '../assert.ts'
import { insideCases } from '../case.ts'
import { bindings, FOR_SOCKETS } from '../fixture/bindings.ts'

const encoder = new TextEncoder()

export const runtimeCases = insideCases('runtime', [
  {
    id: 'runtime-01',
    contract: 'env has exactly the declared bindings.',
    run({ env }) {
      // Bindings that only the fixture app with sockets declares are not compared: the cases about sockets
      // test them.
      const own = Object.keys(env).filter((name) => !FOR_SOCKETS.has(name))
      equal(own.toSorted(), Object.keys(bindings).toSorted(), 'keys')
    },
  },
  {
    id: 'runtime-02',
    contract: 'env is frozen.',
    run({ env }) {
      equal(Object.isFrozen(env), true, 'isFrozen')
      const mutable = env as unknown as Record<string, unknown>
      for (const change of [
        () => (mutable['kv'] = 1),
        () => (mutable['added'] = 1),
        () => delete mutable['kv'],
      ]) {
        let threw = false
        try {
          change()
        } catch {
          threw = true
        }
        ok(threw, 'a change of env throws')
      }
    },
  },
  {
    id: 'runtime-03',
    contract: 'Each binding has the methods of its kind.',
    run({ env }) {
      const methods = {
        kv: ['get', 'getWithMetadata', 'getMany', 'put', 'delete', 'list'],
        blob: ['head', 'get', 'put', 'delete', 'list'],
        sql: ['all', 'first', 'value', 'run', 'raw', 'batch'],
        jobs: ['send', 'sendBatch'],
        cache: ['match', 'put', 'delete'],
        pem: ['get'],
        self: ['fetch'],
        assets: ['fetch'],
      }
      for (const [name, list] of Object.entries(methods)) {
        const binding = (env as unknown as Record<string, Record<string, unknown>>)[name]
        for (const method of list) equal(typeof binding?.[method], 'function', `${name}.${method}`)
      }
      equal(typeof env.greeting, 'string', 'greeting')
    },
  },
  {
    id: 'runtime-04',
    contract: 'A WebAssembly module comes by import and can be instantiated.',
    async run({ wasm }) {
      ok(wasm instanceof WebAssembly.Module, 'a Module')
      for (const [a, b] of [
        [1, 2],
        [-1, 1],
        [2 ** 30, 2 ** 30],
      ] as const) {
        const { exports } = await WebAssembly.instantiate(wasm, {})
        equal((exports as { add: (a: number, b: number) => number }).add(a, b), (a + b) | 0, 'sum')
      }
    },
  },
  {
    id: 'runtime-05',
    contract: 'crypto.subtle digests as the standard has it.',
    async run() {
      equal(
        await sha256('abc'),
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
        'SHA-256',
      )
      for (const [name, length] of [
        ['SHA-1', 20],
        ['SHA-384', 48],
        ['SHA-512', 64],
      ] as const)
        equal((await crypto.subtle.digest(name, encoder.encode('abc'))).byteLength, length, name)
    },
  },
  {
    id: 'runtime-06',
    contract: 'HMAC keys sign and verify.',
    async run() {
      const key = await crypto.subtle.importKey(
        'raw',
        encoder.encode('key'),
        { name: 'HMAC', hash: 'SHA-256' },
        false,
        ['sign', 'verify'],
      )
      const data = encoder.encode('The quick brown fox jumps over the lazy dog')
      const signature = await crypto.subtle.sign('HMAC', key, data)
      equal([...new Uint8Array(signature)].slice(0, 4), [0xf7, 0xbc, 0x83, 0xf4], 'signature')
      equal(
        [
          await crypto.subtle.verify('HMAC', key, signature, data),
          await crypto.subtle.verify('HMAC', key, signature, encoder.encode('other')),
        ],
        [true, false],
        'verify',
      )
    },
  },
  {
    id: 'runtime-07',
    contract: 'AES-GCM encrypts and decrypts; a changed byte is refused.',
    async run() {
      const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, [
        'encrypt',
        'decrypt',
      ])
      const iv = crypto.getRandomValues(new Uint8Array(12))
      const sealed = new Uint8Array(
        await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, encoder.encode('secret text')),
      )
      equal(
        new TextDecoder().decode(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed)),
        'secret text',
        'text',
      )
      sealed[0] = (sealed[0] as number) ^ 1
      equal(
        await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed).then(
          () => 'decrypted',
          (error: Error) => error.name,
        ),
        'OperationError',
        'changed',
      )
    },
  },
  {
    id: 'runtime-08',
    contract: 'Random values and UUIDs differ and have their form.',
    run() {
      ok(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()),
        'UUID',
      )
      equal(new Set(Array.from({ length: 100 }, () => crypto.randomUUID())).size, 100, 'UUIDs')
      ok(new Set(crypto.getRandomValues(new Uint8Array(256))).size > 50, 'random bytes vary')
    },
  },
  {
    id: 'runtime-09',
    contract: 'Timers fire in the order of their times, with arguments, and can be cleared.',
    async run() {
      const fired: unknown[] = []
      setTimeout((...args: unknown[]) => fired.push(...args), 40, 'late', 1)
      setTimeout(() => fired.push('early'), 1)
      clearTimeout(setTimeout(() => fired.push('cleared'), 5))
      let count = 0
      await new Promise<void>((resolve) => {
        const interval = setInterval(() => {
          if (++count < 3) return
          clearInterval(interval)
          resolve()
        }, 5)
      })
      await eventually(() => equal([fired, count], [['early', 'late', 1], 3], 'fired'))
    },
  },
  {
    id: 'runtime-10',
    contract: 'Microtasks run before timers.',
    async run() {
      const order: string[] = []
      await new Promise<void>((resolve) => {
        setTimeout(() => {
          order.push('timer')
          resolve()
        }, 0)
        queueMicrotask(() => order.push('microtask'))
        void Promise.resolve().then(() => order.push('promise'))
        order.push('now')
      })
      equal(order, ['now', 'microtask', 'promise', 'timer'], 'order')
    },
  },
  {
    id: 'runtime-11',
    contract:
      'structuredClone copies dates, maps, sets, bytes, errors and cycles, and refuses functions with a ' +
      'DataCloneError.',
    run() {
      const source: Record<string, unknown> = {
        date: new Date(5),
        map: new Map([['a', new Set([1])]]),
        bytes: new Uint8Array([1, 2]),
        list: [undefined, null, 1n],
      }
      source['self'] = source
      const copy = structuredClone(source)
      ok(copy !== source && copy['self'] === copy, 'the cycle leads to the copy')
      equal(
        [
          (copy['date'] as Date).getTime(),
          (copy['map'] as Map<string, Set<number>>).get('a')?.has(1),
          copy['bytes'],
          copy['list'],
        ],
        [5, true, new Uint8Array([1, 2]), [undefined, null, 1n]],
        'copy',
      )
      let name = ''
      try {
        structuredClone(() => 1)
      } catch (error) {
        name = (error as Error).name
      }
      equal(name, 'DataCloneError', 'of a function')
    },
  },
])
