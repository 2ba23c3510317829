/** Text in lines of a width. */

/** Breaks a line between words; what is too long for a line of its own stays whole. Continued lines are indented as the first. */
export function wrapped(line: string, width: number): readonly string[] {
  const indent = /^ */.exec(line)?.[0] ?? ''
  const lines: string[] = []
  let current = ''
  for (const word of line.slice(indent.length).split(' ')) {
    const longer = current === '' ? indent + word : `${current} ${word}`
    if (current === '' || longer.length <= width) current = longer
    else {
      lines.push(current)
      current = indent + word
    }
  }
  return [...lines, current]
}
