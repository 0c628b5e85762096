export const metadata = { title: 'A site of Next' }

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <nav>
          <a href="/">Home</a> <a href="/about">About</a>
        </nav>
        {children}
      </body>
    </html>
  )
}
