// The design system: everything a feature may draw with.
export { BarChart } from "./BarChart";
export { Button } from "./Button";
export { ConfirmDialog } from "./ConfirmDialog";
export { CopyButton } from "./CopyButton";
export { DataTable, type Column } from "./DataTable";
export { Dialog } from "./Dialog";
export { AreaField, CheckField, Segments, SelectField, TextField } from "./Field";
export { Icon, type IconName } from "./Icon";
export { draftOf, LimitsFields, limitsOf, LimitsText } from "./LimitsFields";
export { Badge, Facts, Panel, Stats } from "./layout";
export { Page } from "./Page";
export { RangeField } from "./RangeField";
export { Empty, Failure, Loaded, LoadError, Notice, Skeleton } from "./states";
export { ToastProvider, useToast } from "./Toasts";
export { Amount, Bar, Meter, Time } from "./values";
