import process from 'node:process'
import { BUILT } from '../../../core/runtime/built.ts'
import { SourceMapper } from './source-mapper.ts'

let installed = false

/**
 * Lets what this process prints name the app's own files in place of the bundle's (`src/app.ts:12:5` for
 * `file:///app/server.mjs:1:48213`), whoever prints it. `bundle` is the artifact's `import.meta.url`.
 *
 * Errors keep their stack: services that collect errors find the map by its debug id, and want the bundle's
 * places. Rejected: Node's --enable-source-maps, which holds each map from the start and maps each stack
 * that is read, printed or not.
 */
export function mapOutput(bundle: string): void {
  // If a process has several copies of this module, the first does it; from the sources there is no map.
  if (!BUILT || installed) return
  installed = true
  const { fileURLToPath } = process.getBuiltinModule('node:url')
  const path = fileURLToPath(bundle)
  const mapper = new SourceMapper({ map: `${path}.map`, names: [bundle] })
  for (const name of ['stdout', 'stderr'] as const) {
    // Node opens a stream at its first use, which many processes never come to.
    const stream = Object.getOwnPropertyDescriptor(process, name)
    if (stream?.get !== undefined)
      Object.defineProperty(process, name, {
        configurable: true,
        enumerable: true,
        get: () => mapWrites(stream.get?.call(process) as NodeJS.WriteStream, mapper),
      })
  }
}

const mapped = new WeakSet<NodeJS.WriteStream>()

function mapWrites(stream: NodeJS.WriteStream, mapper: SourceMapper): NodeJS.WriteStream {
  if (mapped.has(stream)) return stream
  mapped.add(stream)
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean
  stream.write = (chunk: unknown, ...rest: unknown[]) =>
    write(typeof chunk === 'string' ? mapper.text(chunk) : chunk, ...rest)
  return stream
}
