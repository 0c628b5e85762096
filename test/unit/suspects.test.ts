import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readLast, readSuspects, Suspects } from '../../adapters/isolate/host/suspects.ts'

let dir: string
let path: string
let suspects: Suspects
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'unmoor-suspects-'))
  path = join(dir, 'suspects')
  suspects = new Suspects(path)
})
afterEach(() => {
  suspects.close()
  rmSync(dir, { recursive: true })
})

describe('the suspects of a process that V8 has ended', () => {
  it('are the app that has run for long alone, while others are entered and left', () => {
    suspects.enter('killer')
    suspects.enter('neighbour')
    suspects.leave('neighbour')
    suspects.set('killer', true)
    expect(readSuspects(path, true)).toEqual(['killer'])
    for (let time = 0; time < 2; time++) {
      suspects.enter('neighbour')
      expect(readSuspects(path, true)).toEqual(['killer', 'neighbour'])
      suspects.leave('neighbour')
      expect(readSuspects(path, true)).toEqual(['killer'])
    }
  })

  it('are the app entered last if none has run for long, even one that has been left', () => {
    suspects.enter('one')
    suspects.set('two', true)
    suspects.set('two', false)
    expect(readSuspects(path, true)).toEqual(['one'])
    suspects.enter('three')
    expect(readSuspects(path, true)).toEqual(['three'])
  })

  it('are not cleared by an app that another one was entered after', () => {
    suspects.set('long', true)
    suspects.enter('one')
    suspects.enter('two')
    suspects.leave('one')
    expect(readSuspects(path, true)).toEqual(['long', 'two'])
  })
})

it('the app that held a main thread up is the one entered last, while others have run for long', () => {
  suspects.set('long', true)
  suspects.enter('statement')
  expect(readLast(path)).toBe('statement')
  suspects.leave('statement')
  expect(readLast(path)).toBe('statement')
})

it('an app that others ended is not blamed for what was entered last', () => {
  suspects.enter('one')
  expect(readSuspects(path)).toEqual([])
  suspects.set('two', true)
  expect(readSuspects(path)).toEqual(['two'])
})
