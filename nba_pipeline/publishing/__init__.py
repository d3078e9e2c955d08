"""Publishing: tonight's slate and the record as JSON documents and as a static page.

    documents    the documents as models; their JSON Schemas are derived from them
    slate        predictions and schedule -> the document of a slate
    record       grades -> the document of the record
    page         the documents of a date -> one HTML file
    gate         whether a slate may be published
    export       writes the files of a date, index and manifest last

Documents hold only what may be redistributed, see the setting `publishing.prices`. Metrics come from tables.
"""
