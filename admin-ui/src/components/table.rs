//! Tables: dense, aligned, scrolling inside themselves on a narrow screen.

use leptos::prelude::*;

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

    fn heading(self) -> AnyView {
        let title_class = match self {
            Self::Actions(_) => "hidden",
            _ => "",
        };
        view! {
            <th scope="col" class=self.class()>
                <span class=title_class>{self.title()}</span>
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
    let headings: Vec<AnyView> = columns.iter().map(|column| column.heading()).collect();
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
