import { type Attack, type AttackClass, harmful, held } from '../attack.ts'

/** Work on libuv's threads, more than they are, each of about a tenth of a second. */
const FLOODS: Readonly<Record<string, string>> = {
  'PBKDF2': `const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']); return many(() => crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 1e5 }, key, 512))`,
  'PBKDF2 of node:crypto': `return many(() => new Promise((resolve, reject) => node.crypto.pbkdf2('a', 'b', 1e5, 64, 'sha512', (error) => error ? reject(error) : resolve())))`,
  'scrypt': `return many(() => new Promise((resolve, reject) => node.crypto.scrypt('a', 'b', 64, (error) => error ? reject(error) : resolve())))`,
  'RSA keys': `return many(() => crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, false, ['sign']))`,
  'RSA keys of node:crypto': `return many(() => new Promise((resolve, reject) => node.crypto.generateKeyPair('rsa', { modulusLength: 2048 }, (error) => error ? reject(error) : resolve())))`,
  'digests': `const bytes = new Uint8Array(4e6); return many(() => crypto.subtle.digest('SHA-512', bytes))`,
  'encryption': `const key = await crypto.subtle.generateKey({ name: 'AES-CBC', length: 256 }, false, ['encrypt']); const bytes = new Uint8Array(4e6); return many(() => crypto.subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(16) }, key, bytes))`,
  'compression': `const bytes = new Uint8Array(3e6).map((_, i) => i * 7919 >> 3); return many(() => new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer())`,
  'decompression': `const zip = await new Response(new Blob([new Uint8Array(3e6)]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer(); return many(() => new Response(new Blob([zip]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer())`,
  'names that are looked up': `return many((i) => fetch('http://no-such-name-' + i + '.invalid/').catch(() => {}))`,
  'a signature for each': `const { privateKey } = await crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-512' }, false, ['sign', 'verify']); return many(() => crypto.subtle.sign({ name: 'RSA-PSS', saltLength: 32 }, privateKey, new Uint8Array(9)))`,
} // prettier-ignore

/** What cannot be stopped once it has begun, and would take long. */
const REFUSED: Readonly<Record<string, string>> = {
  'PBKDF2 of two milliards': `const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']); await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: 2e9 }, key, 256)`,
  'PBKDF2 of many bits': `const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']); await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: 1e5 }, key, 256e5)`,
  'PBKDF2 in deriveKey': `const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveKey']); await crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: 1e9 }, key, { name: 'AES-GCM', length: 256 }, false, ['encrypt'])`,
  'RSA keys of 65,536 bits': `await crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 65536, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, false, ['sign'])`,
  'RSA keys of an exponent without end': `await crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 4096, publicExponent: new Uint8Array(4096).fill(255), hash: 'SHA-256' }, false, ['sign'])`,
  'scrypt of gigabytes': `await new Promise((resolve, reject) => node.crypto.scrypt('a', 'b', 64, { N: 2 ** 22, r: 16, p: 4, maxmem: 2 ** 40 }, (error) => error ? reject(error) : resolve()))`,
  'synchronous scrypt of gigabytes': `node.crypto.scryptSync('a', 'b', 64, { N: 2 ** 22, r: 16, maxmem: 2 ** 40 })`,
  'synchronous PBKDF2': `node.crypto.pbkdf2Sync('a', 'b', 1e8, 64, 'sha512')`,
  'synchronous RSA keys': `node.crypto.generateKeyPairSync('rsa', { modulusLength: 8192 })`,
  'PBKDF2 of node:crypto': `await new Promise((resolve, reject) => node.crypto.pbkdf2('a', 'b', 1e9, 64, 'sha512', (error) => error ? reject(error) : resolve()))`,
  'HKDF of many bytes': `node.crypto.hkdfSync('sha512', 'a', 'b', 'c', 1e8)`,
  'a large prime': `node.crypto.generatePrimeSync?.(8192, { safe: true }) ?? (() => { throw new Error('there is none') })()`,
} // prettier-ignore

const JOBS = 16
const MANY =
  `const many = async (work) => { globalThis.done = 0; const all = Array.from({ length: ${JOBS} }, (_, i) => ` +
  'Promise.resolve(work(i)).then(() => globalThis.done++)); await Promise.all(all); return 1 }; '
/** Jobs long enough that their number tells whether a read came past those that wait. */
const LONG: ReadonlySet<string> = new Set(['PBKDF2', 'PBKDF2 of node:crypto', 'scrypt'])

function flood(name: string, code: string): Attack {
  return {
    name: `a flood of ${name}`,
    async run(world, app) {
      const progress = { over: false }
      const attacked = world.code(app, MANY + code).finally(() => (progress.over = true))
      attacked.catch(() => {})
      if (LONG.has(name)) {
        // All jobs are with the host: whatever is asked from here on comes behind them.
        while ((await world.value(app, 'return globalThis.done ?? -1')) === -1);
        await world.lab.run('neighbour', `return (await env.files.get('canary')).size`)
        const done = (await world.value(app, 'return globalThis.done')) as number
        await attacked
        // Behind them all it would wait until no more are left than there are threads.
        return done < JOBS / 2 ? held : harmful(`a read waited for ${done} of ${JOBS} jobs`)
      }
      let served = 0
      let asked = 0
      // A read of a file needs a thread. One that was asked for while the flood ran and came before its end
      // did not wait behind it.
      while (!progress.over) {
        asked++
        await world.lab.run('neighbour', `return (await env.files.get('canary')).size`)
        if (!progress.over) served++
      }
      const { status, text } = await attacked
      if (status !== 200) return harmful(`the flood did not run: ${status} ${text.slice(0, 200)}`)
      // Names that do not exist may be known as such at once.
      if (served >= 3 || name.startsWith('names')) return held
      return harmful(`of ${asked} reads ${served} were answered before the end of the flood`)
    },
  }
}

/** Work on the threads that a whole process shares. */
export const threads: AttackClass = {
  name: 'threads',
  promise: 'An app has two jobs on the process’s threads at once, and some threads are for no job.',
  tenant: { build: 'node', limits: { cpuMs: 3000, wallTimeout: 60 } },
  perApp: 1,
  // One at a time, as it is the others that must find a thread free.
  parallel: 1,
  attacks: [
    ...Object.entries(FLOODS).map(([name, code]) => flood(name, code)),
    ...Object.entries(REFUSED).map(([name, code]): Attack => ({
      name: `one job that would take long: ${name}`,
      async run(world, app) {
        const { status, text } = await world.code(app, `${code}; return 'done'`)
        return status === 299 ? held : harmful(`${status} ${text.slice(0, 200)}`)
      },
    })),
  ],
  hole: {
    is: 'any number of jobs may run at once',
    file: 'adapters/isolate/services/jobs.js',
    from: '        const { promise, resolve } = Promise.withResolvers();',
    to: '        if (work) return work();\n        const { promise, resolve } = Promise.withResolvers();',
    attacks: ['a flood of PBKDF2', 'a flood of scrypt'],
    why: /a read waited|were answered before/,
    alone: true,
  },
}
