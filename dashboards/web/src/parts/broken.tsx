// What went wrong, said at once to whoever listens too; nothing while all is well.

export function Broken({ text, block = false }: { text: string; block?: boolean }) {
  if (!text) return null;
  return block ? (
    <p class="broken" role="alert">
      {text}
    </p>
  ) : (
    <span class="broken" role="alert">
      {text}
    </span>
  );
}
