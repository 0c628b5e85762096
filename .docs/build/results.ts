import type { Page } from './page.ts'
export function readResults(_root: string): Page {
  return {
    source: undefined,
    path: 'results.html',
    title: 'Results',
    label: 'Results',
    markdown: '# Results\n',
    kind: 'reference',
  }
}
