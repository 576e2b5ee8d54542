import type { ButtonHTMLAttributes } from "react";

import { Icon, type IconName } from "./Icon";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: "plain" | "primary" | "danger" | "ghost";
  small?: boolean;
  /** Under way: cannot be pressed again, and says so to assistive technology. */
  busy?: boolean;
  icon?: IconName;
}

export function Button({
  variant = "plain",
  small = false,
  busy = false,
  icon,
  className = "",
  children,
  disabled,
  type = "button",
  ...rest
}: ButtonProps) {
  const classes = ["button", `button--${variant}`, small && "button--small", className];
  return (
    <button
      type={type}
      className={classes.filter(Boolean).join(" ")}
      disabled={busy || disabled}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? <span className="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
