/** Checks the SQL migration files of an app's sql bindings. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { SqlTextError, tokenize } from '../../bindings/sql-tokenizer.ts'
import type { CheckContext } from './context.ts'
import type { Report } from './finding.ts'
import { SourceText } from './source-file.ts'
import { checkSqlText } from './sql-rules.ts'
import { reportSql } from './sql-sites.ts'
import type { Comment } from '../build/syntax.ts'

/** Checks every migration file against the SQL engines of the targets; returns the number of files. */
export async function checkMigrations(context: CheckContext): Promise<number> {
  let count = 0
  const folders = Object.values(context.manifest?.bindings ?? {}).flatMap((declaration) =>
    declaration.kind === 'sql' && declaration.migrations !== undefined ? [declaration.migrations] : [],
  )
  for (const folder of new Set(folders.map((name) => resolve(context.project.projectDir, name)))) {
    if (!existsSync(folder)) continue
    for (const name of (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()) {
      count++
      const text = await readFile(join(folder, name), 'utf8')
      const dialect = /\.(sqlite|postgres)\.sql$/.exec(name)?.[1]
      const file = new SourceText(join(folder, name), text, sqlComments(text))
      const reports: Report[] = []
      for (const finding of checkSqlText(text, 'migration')) {
        // A migration file that is named for one SQL dialect may use that engine's own SQL.
        if (dialect !== undefined && finding.on !== undefined && finding.on !== dialect) continue
        reportSql(finding, finding.at, {
          targets: context.targets,
          report: (report) => void reports.push(report),
        })
      }
      context.add(file, reports)
    }
  }
  return count
}

function sqlComments(text: string): Comment[] {
  try {
    return [...tokenize(text)].flatMap(({ kind, start, end }) => {
      const raw = text.slice(start, end)
      return kind === 'space' && /^(--|\/\*)/.test(raw)
        ? [{ value: raw.replace(/^(--|\/\*)/, '').replace(/\*\/$/, ''), start, end }]
        : []
    })
  } catch (error) {
    if (error instanceof SqlTextError) return []
    throw error
  }
}
