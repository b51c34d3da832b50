/** One fenced block of a Markdown document. */
export interface CodeBlock {
  /** `sh`, `js`, ...; the empty string when none is said. */
  readonly language: string;
  readonly text: string;
}

/** Throws when a fence is left open: then nothing that was found can be trusted. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; lines: string[] } | undefined;
  for (const line of markdown.split('\n')) {
    const fence = /^\s*```(\S*)\s*$/.exec(line);
    if (!fence) open?.lines.push(line);
    else if (open) {
      blocks.push({ language: open.language, text: open.lines.join('\n') });
      open = undefined;
    } else open = { language: fence[1] as string, lines: [] };
  }
  if (open) throw new Error(`a code block is never closed: ${open.lines[0]}`);
  return blocks;
}

/** Every command of the `sh` blocks, in order, one a line; a line that ends in `\` goes on. Comments are left out. */
export function commandsOf(markdown: string): string[] {
  return codeBlocks(markdown)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replace(/\\\n\s*/g, '').split('\n'))
    .map(line => line.replace(/\s+#.*$/, '').trim())
    .filter(line => line !== '' && !line.startsWith('#'));
}
