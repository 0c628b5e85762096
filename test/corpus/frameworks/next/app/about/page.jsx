export const dynamic = 'force-static'

export default function About() {
  return <h1>Made at build time</h1>
}
