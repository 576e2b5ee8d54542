const PATHS = {
  overview: "M3 12h4v8H3zM10 4h4v16h-4zM17 9h4v11h-4z",
  tenants: "M4 21V5l8-2v18M12 9h8v12M4 21h17M7.5 8.5v.01M7.5 12.5v.01M7.5 16.5v.01M16 13v.01M16 17v.01",
  keys: "M14.5 9.5a4.5 4.5 0 1 0-4.1 4.5L12 15.6h2v2h2v2h3.5v-3.4l-5.4-5.4c.3-.4.4-.9.4-1.3zM8.5 8.5v.01",
  usage: "M4 19V5M4 19h16M8 15l3.5-4 3 2.5L20 7",
  exports: "M12 4v11M7.5 10.5 12 15l4.5-4.5M4 19.5h16",
  audit: "M12 3 5 6v5.5c0 4.5 2.9 7.7 7 9.5 4.1-1.8 7-5 7-9.5V6zM9 12l2.2 2.2L15.5 10",
  privacy: "M3 12s3.4-6 9-6 9 6 9 6-3.4 6-9 6-9-6-9-6zM12 9.5v5M9.5 12h5",
  upstreams: "M12 20V11M6 4h12v7H6zM9 7.5v.01M12 7.5h3M4 20h16",
  system: "M4 5h16v6H4zM4 13h16v6H4zM7.5 8v.01M7.5 16v.01M11 8h6M11 16h6",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.5 10 17.5 19.5 7",
  logout: "M14 4H5v16h9M10 12h11M17.5 8.5 21 12l-3.5 3.5",
  download: "M12 4v11M7.5 10.5 12 15l4.5-4.5M4 19.5h16",
  refresh: "M20 12a8 8 0 1 1-2.4-5.7M20 4v4.5h-4.5",
  alert: "M12 4 2.5 20h19zM12 10v4.5M12 17.5v.01",
  back: "M10 6l-6 6 6 6M4 12h16",
} as const;

export type IconName = keyof typeof PATHS;

/** A line icon; decorative, so the control beside it needs its own name. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.9"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
