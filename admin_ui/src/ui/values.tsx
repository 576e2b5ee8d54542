import { localTime, utcTime } from "@/lib/dates";
import { usd, usedShare } from "@/lib/money";
import { percent } from "@/lib/text";

/** US dollars, exactly as the API wrote them. */
export function Amount({ value }: { value: string }) {
  return <span className="nowrap">{usd(value)}</span>;
}

/** Local time; the UTC instant is in the tooltip. */
export function Time({ at, precise = false, never = "–" }: { at: string | null | undefined; precise?: boolean; never?: string }) {
  if (at === null || at === undefined) return <span className="muted">{never}</span>;
  return (
    <time dateTime={at} title={utcTime(at)} className="nowrap">
      {localTime(at, precise)}
    </time>
  );
}

/** A bar of a share of one; drawn as SVG, for inline styles are forbidden by our policy. */
export function Bar({ share }: { share: number }) {
  const width = Math.min(100, Math.max(share > 0 ? 1 : 0, share * 100));
  return (
    <span className="meter__track" aria-hidden="true">
      <svg viewBox="0 0 100 1" preserveAspectRatio="none">
        <rect width={width} height="1" />
      </svg>
    </span>
  );
}

/** How much of a limit is used. */
export function Meter({ used, limit }: { used: string; limit: string }) {
  const share = usedShare(used, limit);
  const tone = share >= 1 ? " meter--bad" : share >= 0.8 ? " meter--warn" : "";
  return (
    <span className={`meter${tone}`}>
      <Bar share={share} />
      <span className="meter__text">{percent(share)}</span>
    </span>
  );
}
