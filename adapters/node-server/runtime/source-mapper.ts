import process from 'node:process'
import type { SourceMap, SourceMapPayload } from 'node:module'

/**
 * Positions of one text that are mapped; the others stay as they are. A deeper stack tells nobody more, and
 * the text and the map may be a hostile tenant's.
 */
const MAX_PLACES = 1000
/** Characters of the longest file name that a position is mapped to: longer than any path of Linux. */
const MAX_NAME = 4096

/** A position in the app's own source files. */
export interface SourcePlace {
  /** Path of the source file relative to the project, such as `src/app.ts`. */
  file: string
  line: number
  column: number
}

/** Names by which positions in the bundle are recognised in a text. */
export interface BundleName {
  /** Path of the bundle's source map. */
  readonly map: string
  /** Names that the runtime uses for the bundle, such as `file:///app/server.mjs`. */
  readonly names: readonly string[]
  /** Largest source map that is read, in bytes. Default: no limit. */
  readonly maxBytes?: number
}

/**
 * Converts positions in a bundle to positions in the app's sources, by the source map that the build writes
 * beside the bundle. The map is read at the first look-up.
 */
export class SourceMapper {
  #bundle: BundleName
  #places: RegExp
  #map: SourceMap | undefined
  #read = false

  constructor(bundle: BundleName) {
    this.#bundle = bundle
    const names = bundle.names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    this.#places = new RegExp(`(?:${names.join('|')}):(\\d+):(\\d+)`, 'g')
  }

  /**
   * Replaces the positions in the bundle that a text (such as a stack trace) names by source positions, the
   * first 1000 of them; returns the text unchanged if there is no map.
   */
  text(text: string): string {
    if (!this.#bundle.names.some((name) => text.includes(name))) return text
    let places = 0
    return text.replace(this.#places, (place, line, column) => {
      if (++places > MAX_PLACES) return place
      const found = this.place(Number(line), Number(column))
      return found === undefined ? place : `${found.file}:${found.line}:${found.column}`
    })
  }

  /** Returns the source position of a position in the bundle. Lines and columns count from 1. */
  place(line: number, column: number): SourcePlace | undefined {
    const origin = this.#load()?.findOrigin(line, column)
    if (origin === undefined || !('fileName' in origin) || origin.fileName === undefined) return undefined
    if (origin.fileName.length > MAX_NAME) return undefined
    return { file: shortName(origin.fileName), line: origin.lineNumber, column: origin.columnNumber }
  }

  /** Returns the text of a source file if the map contains it; undefined otherwise. */
  source(file: string): string | undefined {
    const payload = this.#load()?.payload
    const index = payload?.sources.findIndex((name) => shortName(name) === file) ?? -1
    return index < 0 ? undefined : payload?.sourcesContent[index]
  }

  /** Frees the source map; the next look-up reads it again. */
  forget(): void {
    this.#map = undefined
    this.#read = false
  }

  #load(): SourceMap | undefined {
    if (this.#read) return this.#map
    this.#read = true
    try {
      // node:fs is loaded here and not imported: most processes never map an error to its source, and the
      // import slows the start.
      const { readFileSync, statSync } = process.getBuiltinModule('node:fs')
      const { map, maxBytes } = this.#bundle
      if (maxBytes === undefined || statSync(map).size <= maxBytes) {
        const Map = process.getBuiltinModule('node:module').SourceMap
        this.#map = new Map(JSON.parse(readFileSync(map, 'utf8')) as SourceMapPayload)
      }
    } catch {
      // Without a readable source map, positions in the bundle are printed unchanged.
    }
    return this.#map
  }
}

// Returns a source file's name relative to the project; the map's paths are relative to the artifact.
function shortName(name: string): string {
  return name.replace(/^(\.\.?\/)+/, '')
}
