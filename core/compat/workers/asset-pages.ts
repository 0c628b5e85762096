import type { HtmlHandling } from './spec.ts'

/** Result of resolving an asset's URL path: a file, or a redirect to the canonical path of the file. */
export type Page = { readonly file: string } | { readonly redirect: string }

/** Tells which of a Worker's asset files exist. */
export interface Files {
  /** True if the assets have a page (a file that ends with .html) of that name. */
  hasPage(file: string): boolean
  /** True if the assets have this file and it is no page. Checked last, since it may read the disk. */
  hasFile(file: string): Promise<boolean>
}

/**
 * Finds the asset for a URL path by Cloudflare's `html_handling`:
 * https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/
 */
export async function findPage(
  path: string,
  handling: HtmlHandling,
  files: Files,
): Promise<Page | undefined> {
  const single = path.replaceAll(/\/{2,}/g, '/')
  const found = await findSingle(single, handling, files)
  // An asset's path with doubled slashes is not canonical, so it redirects to the path of the file found.
  return single !== path && found !== undefined && 'file' in found
    ? { redirect: handling === 'none' ? single : canonicalPath(found.file, handling) }
    : found
}

async function findSingle(path: string, handling: HtmlHandling, files: Files): Promise<Page | undefined> {
  const isPage = path.endsWith('.html') && files.hasPage(path)
  if (handling === 'none') return isPage || (await files.hasFile(path)) ? { file: path } : undefined
  if (!path.endsWith('.html') && (await files.hasFile(path))) return { file: path }
  const base = path
    .replace(/\/index\.html$/, '/')
    .replace(/\.html$/, '')
    .replace(/\/index$/, '/')
  const stem = base.replace(/\/$/, '')
  const file = choose(stem, base.endsWith('/'), files)
  if (file === undefined) return undefined
  const canonical = canonicalPath(file, handling)
  if (canonical === path) return { file }
  // A page of the assets keeps its own path if its canonical path belongs to another page.
  if (isPage && choose(canonical.replace(/\/$/, ''), canonical.endsWith('/'), files) !== path)
    return { file: path }
  return { redirect: canonical }
}

/**
 * Chooses between the assets `about.html` and `about/index.html`: the one whose form matches the URL path.
 */
function choose(stem: string, wantsFolder: boolean, files: Files): string | undefined {
  const inFolder = `${stem}/index.html`
  const order = wantsFolder ? [inFolder, `${stem}.html`] : [`${stem}.html`, inFolder]
  return order.find((file) => file !== '.html' && files.hasPage(file))
}

function canonicalPath(file: string, handling: HtmlHandling): string {
  if (!file.endsWith('.html')) return file
  const inFolder = file.endsWith('/index.html')
  const stem = file.replace(/\/index\.html$|\.html$/, '')
  const slash = handling === 'force-trailing-slash' || (handling === 'auto-trailing-slash' && inFolder)
  return stem === '' || slash ? `${stem}/` : stem
}
