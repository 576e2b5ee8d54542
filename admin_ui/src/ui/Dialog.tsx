import { useEffect, useId, useRef, type ReactNode } from "react";

import { Button } from "./Button";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** Set while leaving would lose something: Escape and the backdrop do nothing. */
  sticky?: boolean;
  wide?: boolean;
}

/** A modal: the browser's own <dialog> keeps the focus inside and gives it back. */
export function Dialog({ title, onClose, children, sticky = false, wide = false }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = ref.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  // Chrome closes a dialog on the second Escape whatever `cancel` says, and older browsers
  // do not know `closedby`: so what was closed against our will is opened again.
  const closed = () => {
    if (ref.current === null || ref.current.open) return;
    if (sticky) ref.current.showModal();
    else onClose();
  };
  return (
    <dialog
      ref={ref}
      className={wide ? "dialog dialog--wide" : "dialog"}
      aria-labelledby={titleId}
      closedby={sticky ? "none" : "closerequest"}
      onClose={closed}
    >
      <div className="dialog__head">
        <h2 id={titleId}>{title}</h2>
        {!sticky && <Button variant="ghost" small icon="close" aria-label="Close" onClick={onClose} />}
      </div>
      <div className="dialog__body">{children}</div>
    </dialog>
  );
}
