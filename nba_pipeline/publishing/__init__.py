"""Publishing: tonight's slate and the record as JSON documents and as a static page.

    documents    the documents as models; their JSON Schemas are derived from them
    slate        predictions and schedule -> the document of a slate
    record       grades -> the document and the CSV of the record
    performance  system_performance -> its document
    plots        grades and system_performance -> SVG
    message      the document of a slate -> three lines for readers
    units        the unit of the published numbers
    page         the documents of a date -> one HTML file
    prices       rules for publishing lines and prices
    gate         whether a slate may be published
    export       the files of a date in the home, index and manifest last
    store        the files of a date in a bucket, under a lock
    place        the folder or bucket of an environment

Documents hold only what may be redistributed, see the setting `publishing.prices`. `orchestration/slate_export.py` reads the tables
and runs the export.
"""
