import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findForgotten } from '../checks/forgotten-exports.ts'
import { packageEntries } from '../checks/package.ts'

// A package with one forgotten export of each form, between declarations that are not forgotten.
const FILES: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({
    name: 'planted',
    exports: {
      '.': './dist/index.js',
      './more/*': './dist/more/*/index.js',
      './more/*/closed': null,
      './internal/hidden': './dist/hidden.js',
    },
  }),
  'dist/index.d.ts': `
    import type { Base, Inner, Options as Renamed } from './hidden.d.ts'
    export declare function start(options: Renamed): Started
    interface Started { inner: Inner }
    export declare class Shape extends Base { #own: string; private state: import('./hidden.d.ts').PrivateState; protected kind: import('./hidden.d.ts').Kind }
    export type { Listed } from './hidden.d.ts'`,
  'dist/more/one/index.d.ts': `
    import type { Elsewhere } from '../../hidden.d.ts'
    export type { Elsewhere }
    export declare const mode: typeof import('../../hidden.d.ts').MODES[number]`,
  'dist/more/one/closed/index.d.ts': `export interface NotAnEntry {}`,
  'dist/hidden.d.ts': `
    export interface Options { elsewhere: Elsewhere; listed: Listed }
    export interface Inner { again: Inner; deep: Deep }
    export interface Deep {}
    export declare class Base {}
    export interface PrivateState {}
    export type Kind = 'a' | 'b'
    export interface Listed {}
    export interface Elsewhere {}
    export declare const MODES: readonly ['x', 'y']
    export declare function generated(): OfGeneratedCode
    export interface OfGeneratedCode {}`,
}
let root: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'unmoor-planted-'))
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  writeFileSync(join(root, 'dist/more/one/index.js'), '')
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

it('check:exports finds each declaration that a public entry leads to and that none exports, with the way to it', () => {
  const found = findForgotten(root, packageEntries(root))
  expect(Object.fromEntries(found.map(({ name, path }) => [name, path.join(' > ')]))).toEqual({
    Base: 'planted > Shape > Base',
    Deep: 'planted > start > Started > Inner > Deep',
    Inner: 'planted > start > Started > Inner',
    Kind: 'planted > Shape > Kind',
    MODES: 'planted/more/one > mode > MODES',
    Options: 'planted > start > Options',
    Started: 'planted > start > Started',
  })
})

it('check:exports refuses an entry that has no declarations', () => {
  const entries = [{ specifier: 'planted/gone', declarations: join(root, 'dist/gone.d.ts'), internal: false }]
  expect(() => findForgotten(root, entries)).toThrow(/planted\/gone has no declarations/)
})
