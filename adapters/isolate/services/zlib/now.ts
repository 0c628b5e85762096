import * as zlib from 'node:zlib'
import { checkedOptions, checkNow, MAX_NOW_OUTPUT, modeOf, type ZlibOptions } from './modes.ts'

/** Most bytes that one call sums up (`zlib.crc32`). The guest sends more in pieces. */
const MAX_SUM = 2 * 1024 * 1024

/** Encodes an error of node:zlib without its stack; the guest makes an Error of it again. */
export function zlibError(error: unknown): { error: Readonly<Record<string, unknown>> } {
  const { name, message, code, errno } = error as Error & { code?: unknown; errno?: unknown }
  return {
    error: {
      name: String(name),
      message: String(message),
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof errno === 'number' ? { errno } : {}),
    },
  }
}

/**
 * Answers a synchronous call of `guest/node/zlib`. The call blocks all apps of this process, so what it takes
 * in and what it returns are bounded. Returns bytes, a number or `{ value }`, and `{ error }` in place of
 * throwing.
 */
export function zlibNow(operation: string, data: readonly unknown[]): unknown {
  try {
    if (operation === 'constants')
      return { value: { constants: zlib.constants, codes: Reflect.get(zlib, 'codes') } }
    const [name, bytes, options] = data
    if (operation === 'crc32') return sum(name, bytes)
    if (typeof options !== 'object' || options === null)
      throw new TypeError('The compression call is malformed')
    if (operation === 'check') return check(name, options as ZlibOptions)
    if (operation === 'now' && bytes instanceof Uint8Array)
      return run(String(name), bytes, options as ZlibOptions)
    throw new TypeError('The compression call is malformed')
  } catch (error) {
    return zlibError(error)
  }
}

function sum(bytes: unknown, before: unknown): number {
  if (!(bytes instanceof Uint8Array) || bytes.buffer.byteLength > MAX_SUM)
    throw new RangeError(`A call of zlib.crc32 takes ${MAX_SUM} bytes at most.`)
  return zlib.crc32(bytes, Number(before))
}

function check(name: unknown, options: ZlibOptions): undefined {
  const mode = modeOf(name)
  mode.create(checkedOptions(mode, options)).destroy()
}

function run(name: string, bytes: Uint8Array, options: ZlibOptions): Uint8Array {
  const mode = modeOf(name)
  const checked = checkedOptions(mode, options)
  checkNow(name, mode, bytes, checked)
  const wanted = Number(options['maxOutputLength'] ?? Infinity)
  try {
    // The bytes of a Buffer may be a view of a pool, and a view crosses the bridge with its whole buffer.
    return new Uint8Array(mode.now(bytes, { ...checked, maxOutputLength: Math.min(wanted, MAX_NOW_OUTPUT) }))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_BUFFER_TOO_LARGE' || wanted <= MAX_NOW_OUTPUT) throw error
    throw Object.assign(
      new RangeError(
        `zlib.${name}Sync made more than ${MAX_NOW_OUTPUT} bytes, its limit in an isolate, since all apps ` +
          `of the process wait for a synchronous call: use zlib.${name} or a stream.`,
        { cause: error },
      ),
      { code: 'ERR_BUFFER_TOO_LARGE' },
    )
  }
}
