import process from 'node:process'
import type { SourceMap, SourceMapPayload } from 'node:module'

/** A place in the app's sources. */
export interface SourcePlace {
  /** Relative to the project, such as `src/app.ts`. */
  file: string
  line: number
  column: number
}

/** Recognises the places in a text that belong to the bundle. */
export interface BundleName {
  /** Path of the map. */
  readonly map: string
  /**
   * What the runtime calls the bundle, such as `file:///app/server.mjs`; several where it has several
   * names.
   */
  readonly names: readonly string[]
  /** Largest map that is read, in bytes. Default: no limit. */
  readonly maxBytes?: number
}

/**
 * Turns places of a bundle into those of the app's sources, by the map that the build leaves beside it.
 * Nothing is read before the first place is looked up.
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

  /** The text, places of the bundle in it mapped. Without a map it stays as it is. */
  text(text: string): string {
    if (!this.#bundle.names.some((name) => text.includes(name))) return text
    return text.replace(this.#places, (place, line, column) => {
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
      // Not imported: most processes never have an error to map.
      const { readFileSync, statSync } = process.getBuiltinModule('node:fs')
      const { map, maxBytes } = this.#bundle
      if (maxBytes === undefined || statSync(map).size <= maxBytes) {
        const Map = process.getBuiltinModule('node:module').SourceMap
        this.#map = new Map(JSON.parse(readFileSync(map, 'utf8')) as SourceMapPayload)
      }
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
