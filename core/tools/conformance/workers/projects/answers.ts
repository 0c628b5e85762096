/** Helpers that summarise the answers of a Worker project's site. */
import { equal } from '../cases/tools.ts'
import type { ProjectCase, Site } from './project-case.ts'

/** Fetches each path of a site and returns its text, the path of its redirect, or its status. */
export async function answers(site: Site, paths: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const path of paths) {
    const response = await site.fetch(path)
    const text = await response.text()
    const location = response.headers.get('location')
    found[path] =
      location === null
        ? response.status === 200
          ? text
          : `${response.status} ${text}`
        : `${response.status} > ${location}`
  }
  return found
}

/** Returns a check that compares a site's answers to these paths with the expected ones. */
export const asks =
  (expected: Readonly<Record<string, string>>): ProjectCase['check'] =>
  async (site) =>
    equal(await answers(site, Object.keys(expected)), expected)

/** Returns the named headers of the site's answer to a path. */
export async function headersOf(
  site: Site,
  path: string,
  names: readonly string[],
  init?: RequestInit,
): Promise<Record<string, string>> {
  const { headers, body } = await site.fetch(path, init)
  await body?.cancel()
  return Object.fromEntries(
    names.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) ?? '']] : [])),
  )
}
