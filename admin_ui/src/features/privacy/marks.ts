/** A piece of a text: plain, or a finding. */
export interface Piece<T> {
  text: string;
  finding: T | undefined;
}

interface Range {
  start: number;
  end: number;
}

/**
 * A text cut at its findings, which are sorted and do not overlap. Their offsets are in code
 * points, as the API counts; a string's own are in UTF-16.
 */
export function piecesOf<T extends Range>(text: string, findings: readonly T[]): Piece<T>[] {
  const points = Array.from(text);
  const pieces: Piece<T>[] = [];
  let position = 0;
  for (const finding of findings) {
    pieces.push({ text: points.slice(position, finding.start).join(""), finding: undefined });
    pieces.push({ text: points.slice(finding.start, finding.end).join(""), finding });
    position = finding.end;
  }
  pieces.push({ text: points.slice(position).join(""), finding: undefined });
  return pieces.filter((piece) => piece.text !== "");
}

interface Step {
  received: string;
  sent: string;
}

/** A stream after some of its steps: what came, what of it is held back, what went out. */
export function streamAfter(steps: readonly Step[], count: number): { passed: string; held: string; sent: string } {
  const seen = steps.slice(0, count);
  let last = seen.length;
  while (last > 0 && seen[last - 1]?.sent === "") last -= 1;
  const received = (part: readonly Step[]) => part.map((step) => step.received).join("");
  const [whole, latest] = [received(seen.slice(0, last)), seen[last - 1]];
  // The last piece that went out may end in the beginning of a token: " [PER" of which " " went.
  const rest = latest?.received.startsWith(latest.sent) ? latest.received.length - latest.sent.length : 0;
  return {
    passed: whole.slice(0, whole.length - rest),
    held: whole.slice(whole.length - rest) + received(seen.slice(last)),
    sent: seen.map((step) => step.sent).join(""),
  };
}
