import { statSync, readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'

/** Largest source map that is read: it is parsed on the thread that all tenants share. */
const MAX_BYTES = 8 * 1024 * 1024
const PLACE = /(?<file>app\.js):(?<line>\d+):(?<column>\d+)/g
/** Where the host's own frames begin: none of the app's concern. */
const BOUNDARY = /\n\s+at \(<isolated-vm boundary>\)[\s\S]*$/

/** A place in the app's sources. */
export interface SourcePlace {
  /** Relative to the project, such as `src/app.ts`. */
  file: string
  line: number
  column: number
}

/**
 * Turns places of the bundle into those of the app's sources, by the map that the build leaves beside it
 * (`app.js.map`).
 */
export class StackMapper {
  #path: string
  #map: SourceMap | undefined
  #read = false

  constructor(path: string) {
    this.#path = path
  }

  /** A text, its stack traces mapped. Without a map it stays as it is. */
  text(text: string): string {
    const own = text.replace(BOUNDARY, '')
    if (!own.includes('app.js:')) return own
    return own.replace(PLACE, (place, _file, line, column) => {
      const found = this.place(Number(line), Number(column))
      return found === undefined ? place : `${found.file}:${found.line}:${found.column}`
    })
  }

  /** Where a place of the bundle comes from; lines and columns from 1. */
  place(line: number, column: number): SourcePlace | undefined {
    const origin = this.#load()?.findOrigin(line, column)
    if (origin === undefined || !('fileName' in origin) || origin.fileName === undefined) return undefined
    return { file: shortName(origin.fileName), line: origin.lineNumber, column: origin.columnNumber }
  }

  /** The text of a source, where the map has it. */
  source(file: string): string | undefined {
    const payload = this.#load()?.payload
    const index = payload?.sources.findIndex((name) => shortName(name) === file) ?? -1
    return index < 0 ? undefined : payload?.sourcesContent[index]
  }

  /** Frees the map; it is read again when it is needed. */
  forget(): void {
    this.#map = undefined
    this.#read = false
  }

  #load(): SourceMap | undefined {
    if (this.#read) return this.#map
    this.#read = true
    try {
      if (statSync(this.#path).size <= MAX_BYTES)
        this.#map = new SourceMap(JSON.parse(readFileSync(this.#path, 'utf8')) as SourceMapPayload)
    } catch {
      // No map, or none that can be read: the bundle's places have to do.
    }
    return this.#map
  }
}

// As the project names it: the map's paths begin at the artifact.
function shortName(name: string): string {
  return name.replace(/^(\.\.?\/)+/, '')
}
