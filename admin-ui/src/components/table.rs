//! Tables: dense, aligned, scrolling inside themselves on a narrow screen.

use leptos::prelude::*;

use crate::page::href;
use crate::url_state::UrlState;

/// The parameter of the address that says how a list is sorted; a minus sign is before what falls.
const SORT: &str = "sort";

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    /// Names what a row is about.
    Head(&'static str),
    Text(&'static str),
    /// Numbers and times, to the right.
    Number(&'static str),
    /// Long texts, of people and machines.
    Words(&'static str),
    /// Actions; the title is for those who do not see them.
    Actions(&'static str),
}

/// A column by which the server can sort, with what the address says then; nothing where that is not possible.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sorting {
    /// The column's title.
    pub(crate) column: &'static str,
    pub(crate) ascending: Option<&'static str>,
    pub(crate) descending: Option<&'static str>,
}

/// A row: its cells in the order of the columns.
pub(crate) struct Row {
    cells: Vec<AnyView>,
    class: &'static str,
}

impl Row {
    pub(crate) fn new(cells: Vec<AnyView>) -> Self {
        Self { cells, class: "" }
    }

    /// A row that stands out.
    pub(crate) fn marked(self, class: &'static str) -> Self {
        Self { class, ..self }
    }
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Head(title)
            | Self::Text(title)
            | Self::Number(title)
            | Self::Words(title)
            | Self::Actions(title) => title,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Head(_) | Self::Text(_) => "",
            Self::Number(_) | Self::Actions(_) => "n",
            Self::Words(_) => "words",
        }
    }

    fn sorted_heading(self, sorting: Sorting, state: UrlState) -> AnyView {
        let Sorting {
            ascending,
            descending,
            ..
        } = sorting;
        let is_chosen = move |order: Option<&str>| order == Some(state.get(SORT).as_str());
        let order = move || match (is_chosen(ascending), is_chosen(descending)) {
            (true, _) => Some(("ascending", "↑")),
            (_, true) => Some(("descending", "↓")),
            _ => None,
        };
        let address = move || {
            let next = match order() {
                Some(("ascending", _)) => descending.or(ascending),
                Some(_) => ascending.or(descending),
                None => ascending.or(descending),
            };
            href(&state.with(SORT, next.unwrap_or_default()))
        };
        view! {
            <th scope="col" class=self.class() aria-sort=move || order().map(|(name, _)| name)>
                <a class="sort" href=address>
                    {self.title()}
                    <span aria-hidden="true">{move || order().map_or("", |(_, arrow)| arrow)}</span>
                </a>
            </th>
        }
        .into_any()
    }

    fn heading(self) -> AnyView {
        self.heading_called(self.title().to_owned())
    }

    fn heading_called(self, title: String) -> AnyView {
        let title_class = match self {
            Self::Actions(_) => "hidden",
            _ => "cut",
        };
        view! {
            <th scope="col" class=self.class()>
                <span class=title_class>{title}</span>
            </th>
        }
        .into_any()
    }

    fn cell(self, content: AnyView) -> AnyView {
        match self {
            Self::Head(_) => view! { <th scope="row">{content}</th> }.into_any(),
            _ => view! { <td class=self.class()>{content}</td> }.into_any(),
        }
    }
}

/// A table; `label` names it for those who do not see where it stands.
pub(crate) fn table(label: &'static str, columns: &'static [Column], rows: Vec<Row>) -> AnyView {
    let headings = columns.iter().map(|column| column.heading()).collect();
    with_headings(label, columns, headings, rows)
}

/// A table whose columns are called what somebody else calls them.
pub(crate) fn table_of(
    label: &'static str,
    columns: Vec<(Column, String)>,
    rows: Vec<Row>,
) -> AnyView {
    let (columns, titles): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let headings = columns.iter().zip(titles);
    let headings = headings.map(|(column, title)| column.heading_called(title));
    with_headings(label, &columns, headings.collect(), rows)
}

/// A table whose list the server sorts as the address says.
pub(crate) fn sorted_table(
    label: &'static str,
    columns: &'static [Column],
    state: UrlState,
    sortings: &[Sorting],
    rows: Vec<Row>,
) -> AnyView {
    let heading = |column: &Column| {
        let sorting = sortings.iter().find(|it| it.column == column.title());
        match sorting {
            Some(sorting) => column.sorted_heading(*sorting, state),
            None => column.heading(),
        }
    };
    let headings = columns.iter().map(heading).collect();
    with_headings(label, columns, headings, rows)
}

fn with_headings(
    label: &'static str,
    columns: &[Column],
    headings: Vec<AnyView>,
    rows: Vec<Row>,
) -> AnyView {
    let rows: Vec<AnyView> = rows
        .into_iter()
        .map(|Row { cells, class }| {
            let cells = columns.iter().zip(cells);
            let cells: Vec<AnyView> = cells.map(|(column, cell)| column.cell(cell)).collect();
            view! { <tr class=class>{cells}</tr> }.into_any()
        })
        .collect();
    view! {
        <div class="scroll" role="group" aria-label=label tabindex="0">
            <table>
                <thead>
                    <tr>{headings}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The words of somebody else, in quotation marks.
pub(crate) fn quoted(text: Option<String>) -> AnyView {
    match text {
        Some(text) => view! { <q>{text}</q> }.into_any(),
        None => ().into_any(),
    }
}

/// A link to what the whole row is about.
pub(crate) fn row_link(address: String, title: impl IntoView + 'static) -> AnyView {
    linked(address, title.into_any())
}

fn linked(address: String, title: AnyView) -> AnyView {
    view! {
        <a class="row" href=address>
            {title}
        </a>
    }
    .into_any()
}
