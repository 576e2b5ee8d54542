export { UpstreamsPage } from "./UpstreamsPage";
