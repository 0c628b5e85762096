import type { DatabaseSync } from 'node:sqlite'
import { type ArrayStatement, prepareArrays } from './array-statement.ts'

/** A prepared SQLite statement and its properties. */
export interface Prepared {
  statement: ArrayStatement
  columns: ColumnNames
  /** True if the SQL statement returns rows (SELECT, or RETURNING). */
  returns: boolean
  /**
   * True if the SQL statement inserts, updates or deletes, so that SQLite's change counter is its own and not
   * that of an earlier statement.
   */
  writes: boolean
  inserts: boolean
  /**
   * True if the SQL statement begins with WITH, so that its other properties are guesses and SQLite is asked
   * if it wrote.
   */
  guessed: boolean
}

const MAX_STATEMENTS = 250

/**
 * An SQLite statement with `stat`, which Node 26 has: how often SQLite prepared the statement again because
 * the schema changed, by this process or another.
 */
interface CountedStatement extends ArrayStatement {
  stat?(counter: 'reprepare'): number
}

/**
 * The current names of an SQLite statement's columns. They are read again only after the schema changed, as
 * reading them costs as much as running a small query.
 */
export class ColumnNames {
  #statement: CountedStatement
  #names: string[]
  #prepared: number | undefined

  constructor(statement: ArrayStatement) {
    this.#statement = statement
    this.#names = []
    this.#prepared = undefined
  }

  get(): string[] {
    const prepared = this.#statement.stat?.('reprepare')
    if (prepared === undefined || prepared !== this.#prepared) {
      this.#prepared = prepared
      this.#names = this.#statement.columns().map(({ name }) => name)
    }
    return this.#names
  }
}

/**
 * A cache of prepared statements by text, which drops the least recently used. SQLite itself prepares them
 * again when the schema changes.
 */
export class StatementCache {
  #database: DatabaseSync
  #statements = new Map<string, Prepared>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get(text: string): Prepared {
    const known = this.#statements.get(text)
    if (known !== undefined) {
      if (this.#statements.size === MAX_STATEMENTS) {
        this.#statements.delete(text)
        this.#statements.set(text, known)
      }
      return known
    }
    const prepared = prepare(this.#database, text)
    if (this.#statements.size >= MAX_STATEMENTS)
      this.#statements.delete(this.#statements.keys().next().value as string)
    this.#statements.set(text, prepared)
    return prepared
  }
}

function prepare(database: DatabaseSync, text: string): Prepared {
  const statement = prepareArrays(database, text)
  const returns = statement.columns().length > 0
  const body = text.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/, '')
  const keyword = /^[a-z]+/i.exec(body)?.[0]?.toUpperCase() ?? ''
  // After WITH, a word within a string of SQL may look like a write. A read then takes a write lock, which is
  // harmless.
  const withWord = (pattern: RegExp): boolean => keyword === 'WITH' && pattern.test(body)
  const inserts = keyword === 'INSERT' || keyword === 'REPLACE' || withWord(/\b(?:insert|replace)\b/i)
  const writes = inserts || keyword === 'UPDATE' || keyword === 'DELETE' || withWord(/\b(?:update|delete)\b/i)
  // On Node 24, `run` of an SQLite statement would round a large row id, so statements without rows use
  // BigInt. In rows, integers beyond 2^53 - 1 throw; usual integers need no BigInt.
  if (!returns) statement.setReadBigInts(true)
  return {
    statement,
    columns: new ColumnNames(statement),
    returns,
    writes,
    inserts,
    guessed: keyword === 'WITH' && writes,
  }
}
